/** One seed for all property tests, so that a run that passes here passes everywhere; SWAT_SIM_FC_SEED explores others. */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.SWAT_SIM_FC_SEED ?? 1) });
