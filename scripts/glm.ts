/** Generalized linear models, by iteratively reweighted least squares. */

/** One observation. */
export interface Sample {
  readonly features: readonly number[];
  readonly value: number;
}

const STEPS = 60;
const RIDGE = 0.3;
const LIMIT = 6;

/** Coefficients of a model with errors of counts (log) or of shares (logit); all but the first are drawn towards 0. */
export function fitGlm(samples: readonly Sample[], link: "log" | "logit"): number[] {
  const size = samples[0].features.length;
  const mean = samples.reduce((sum, { value }) => sum + value, 0) / samples.length;
  const least = 1e-3;
  const start = link === "log" ? Math.log(mean + least) : Math.log((mean + least) / (1 - mean + least));
  let beta = Array.from({ length: size }, (_, i) => (i === 0 ? start : 0));
  for (let step = 0; step < STEPS; step++) {
    const matrix = Array.from({ length: size }, (_, i) =>
      Array.from({ length: size }, (_, j) => (i === j && i > 0 ? RIDGE : 0)),
    );
    const right = new Array<number>(size).fill(0);
    for (const { features, value } of samples) {
      const eta = Math.max(-LIMIT, Math.min(LIMIT, dot(beta, features)));
      const mu = link === "log" ? Math.exp(eta) : 1 / (1 + Math.exp(-eta));
      const slope = link === "log" ? mu : mu * (1 - mu);
      const target = eta + (value - mu) / Math.max(slope, 1e-4);
      for (let i = 0; i < size; i++) {
        right[i] += slope * features[i] * target;
        for (let j = 0; j < size; j++) matrix[i][j] += slope * features[i] * features[j];
      }
    }
    beta = solve(matrix, right);
  }
  return beta;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

/** Gaussian elimination with pivots. */
function solve(matrix: number[][], right: number[]): number[] {
  const n = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]]);
  for (let column = 0; column < n; column++) {
    const pivot = rows
      .slice(column)
      .reduce((best, row, i) => (Math.abs(row[column]) > Math.abs(rows[best][column]) ? column + i : best), column);
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    for (let i = 0; i < n; i++) {
      if (i === column || rows[column][column] === 0) continue;
      const factor = rows[i][column] / rows[column][column];
      for (let j = column; j <= n; j++) rows[i][j] -= factor * rows[column][j];
    }
  }
  return rows.map((row, i) => (row[i] === 0 ? 0 : row[n] / row[i]));
}

/** Pearson's correlation; null where one of them does not vary, or they do not belong together. */
export function correlation(a: Float64Array | undefined, b: Float64Array | undefined): number | null {
  if (a === undefined || b === undefined || a.length !== b.length) return null;
  const center = (values: Float64Array) => {
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    return values.map((x) => x - mean);
  };
  const [x, y] = [center(a), center(b)];
  const product = (u: Float64Array, v: Float64Array) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  const norm = Math.sqrt(product(x, x) * product(y, y));
  return norm > 0 ? product(x, y) / norm : null;
}
