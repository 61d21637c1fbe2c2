/** The error that says that training has left the numbers: a study counts it as a result, not as a fault. */

/** A loss, a momentum or a parameter of a run became NaN or infinite. */
export class DivergenceError extends Error {}
