/**
 * One axis of a convolution as a gather: which elements of the source (input, or outputGrad) each element of the target
 * (output, or inputGrad) sums, through which taps of the kernel.
 *
 * inputGrad[h] = Σ_r outputGrad[p]·weight[r] with p·stride = h + padding − r·dilation. Only taps with
 * r·dilation ≡ h + padding (mod stride) give a whole p, so that the h of one remainder, a *phase*, share their taps, and
 * neighbours among them are neighbours in outputGrad: each phase is a convolution of stride 1.
 */

/** A tap that a phase uses: source elements from the base of a target element. */
interface AxisTap {
  readonly index: number;
  readonly offset: number;
}

/** Target elements first, first + step, … of one phase (−1: no taps); their bases in the source are `sourceStep` apart. */
interface AxisRun {
  readonly phase: number;
  readonly first: number;
  readonly step: number;
  readonly count: number;
  readonly source: number;
  readonly sourceStep: number;
}

/** All phases, each with its taps, and runs that together hold every target element once. */
export interface AxisPlan {
  readonly phases: readonly (readonly AxisTap[])[];
  readonly runs: readonly AxisRun[];
}

/** Sizes along one axis; `padding` is the one before the image. */
export interface AxisGeometry {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
}

/** Output elements as sums over the input. */
export function forwardAxis({ output, kernel, stride, dilation, padding }: AxisGeometry): AxisPlan {
  const taps = Array.from({ length: kernel }, (_, index) => ({ index, offset: index * dilation }));
  return {
    phases: [taps],
    runs: [{ phase: 0, first: 0, step: 1, count: output, source: -padding, sourceStep: stride }],
  };
}

/** Input elements as sums over outputGrad. */
export function gradientAxis({ input, output, kernel, stride, dilation, padding }: AxisGeometry): AxisPlan {
  // A single output does not know its stride. The largest one gives every input element its own phase of at most one tap,
  // which is what a linear layer over an image is.
  const step = output === 1 ? Math.max(input + padding, dilation * (kernel - 1) + 1) : stride;
  const phases: AxisTap[][] = [];
  const runs: AxisRun[] = [];
  for (let remainder = 0; remainder < step; remainder++) {
    const distances: [index: number, distance: number][] = [];
    for (let index = 0; index < kernel; index++) {
      if ((index * dilation) % step === remainder) distances.push([index, (index * dilation - remainder) / step]);
    }
    const reach = distances.length === 0 ? 0 : distances[distances.length - 1][1];
    if (distances.length > 0) phases.push(distances.map(([index, distance]) => ({ index, offset: reach - distance })));
    const first = (((remainder - padding) % step) + step) % step;
    const count = Math.ceil((input - first) / step);
    if (count <= 0) continue;
    const phase = distances.length > 0 ? phases.length - 1 : -1;
    runs.push({ phase, first, step, count, source: (first + padding - remainder) / step - reach, sourceStep: 1 });
  }
  return { phases, runs };
}
