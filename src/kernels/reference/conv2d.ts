/**
 * Convolution (cross-correlation) and its three gradients, as plain loops over the definition:
 *   output[n,k,p,q]     = bias[k] + Σ_{c,r,s} input[n,c,h,w] · weight[k,c,r,s]
 *   inputGrad[n,c,h,w] += Σ_{k,r,s} outputGrad[n,k,p,q] · weight[k,c,r,s]
 *   weightGrad[k,c,r,s]+= Σ_{n,p,q} outputGrad[n,k,p,q] · input[n,c,h,w]
 *   biasGrad[k]        += Σ_{n,p,q} outputGrad[n,k,p,q]
 * with h = p·stride + r·dilation − padding (w likewise), c within the group of k, and positions outside the image left
 * out. Sums are taken in double precision and rounded once. SWAT (Raihan & Aamodt 2020, Algorithm 1) only changes which operands are given.
 */
import type { ConvGeometry } from "../../core/geometry.ts";
import { outputHeight, outputWidth } from "../../core/geometry.ts";
import type { Floats } from "../kernels.ts";

/** output [N, K, P, Q] = input ∗ weight + bias. */
export function convForward(g: ConvGeometry, input: Floats, weight: Floats, bias: Floats | null, output: Floats): void {
  const P = outputHeight(g);
  const Q = outputWidth(g);
  const channels = g.C / g.groups;
  const filters = g.K / g.groups;
  for (let n = 0; n < g.N; n++) {
    for (let k = 0; k < g.K; k++) {
      const firstChannel = Math.floor(k / filters) * channels;
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) {
          let sum = bias === null ? 0 : bias[k];
          for (let c = 0; c < channels; c++) {
            const plane = (n * g.C + firstChannel + c) * g.H;
            for (let r = 0; r < g.R; r++) {
              const h = p * g.stride[0] + r * g.dilation[0] - g.padding[0];
              if (h < 0 || h >= g.H) continue;
              for (let s = 0; s < g.S; s++) {
                const w = q * g.stride[1] + s * g.dilation[1] - g.padding[2];
                if (w < 0 || w >= g.W) continue;
                sum += input[(plane + h) * g.W + w] * weight[((k * channels + c) * g.R + r) * g.S + s];
              }
            }
          }
          output[((n * g.K + k) * P + p) * Q + q] = sum;
        }
      }
    }
  }
}

/** inputGrad [N, C, H, W] += outputGrad ∗ weightᵀ. */
export function convInputGrad(g: ConvGeometry, outputGrad: Floats, weight: Floats, inputGrad: Floats): void {
  const P = outputHeight(g);
  const Q = outputWidth(g);
  const channels = g.C / g.groups;
  const filters = g.K / g.groups;
  for (let n = 0; n < g.N; n++) {
    for (let c = 0; c < g.C; c++) {
      const firstFilter = Math.floor(c / channels) * filters;
      for (let h = 0; h < g.H; h++) {
        for (let w = 0; w < g.W; w++) {
          let sum = 0;
          for (let k = firstFilter; k < firstFilter + filters; k++) {
            for (let r = 0; r < g.R; r++) {
              const p = (h + g.padding[0] - r * g.dilation[0]) / g.stride[0];
              if (!Number.isInteger(p) || p < 0 || p >= P) continue;
              for (let s = 0; s < g.S; s++) {
                const q = (w + g.padding[2] - s * g.dilation[1]) / g.stride[1];
                if (!Number.isInteger(q) || q < 0 || q >= Q) continue;
                const tap = ((k * channels + (c % channels)) * g.R + r) * g.S + s;
                sum += outputGrad[((n * g.K + k) * P + p) * Q + q] * weight[tap];
              }
            }
          }
          inputGrad[((n * g.C + c) * g.H + h) * g.W + w] += sum;
        }
      }
    }
  }
}

/** weightGrad [K, C/groups, R, S] += outputGrad ∗ input. */
export function convWeightGrad(g: ConvGeometry, outputGrad: Floats, input: Floats, weightGrad: Floats): void {
  const P = outputHeight(g);
  const Q = outputWidth(g);
  const channels = g.C / g.groups;
  const filters = g.K / g.groups;
  for (let k = 0; k < g.K; k++) {
    for (let c = 0; c < channels; c++) {
      const channel = Math.floor(k / filters) * channels + c;
      for (let r = 0; r < g.R; r++) {
        for (let s = 0; s < g.S; s++) {
          let sum = 0;
          for (let n = 0; n < g.N; n++) {
            for (let p = 0; p < P; p++) {
              const h = p * g.stride[0] + r * g.dilation[0] - g.padding[0];
              if (h < 0 || h >= g.H) continue;
              for (let q = 0; q < Q; q++) {
                const w = q * g.stride[1] + s * g.dilation[1] - g.padding[2];
                if (w < 0 || w >= g.W) continue;
                const from = ((n * g.C + channel) * g.H + h) * g.W + w;
                sum += outputGrad[((n * g.K + k) * P + p) * Q + q] * input[from];
              }
            }
          }
          weightGrad[((k * channels + c) * g.R + r) * g.S + s] += sum;
        }
      }
    }
  }
}

/** biasGrad [K] += Σ outputGrad [N, K, P, Q] over N, P, Q. */
export function biasGrad(g: ConvGeometry, outputGrad: Floats, biasGrad: Floats): void {
  const pixels = outputHeight(g) * outputWidth(g);
  for (let k = 0; k < g.K; k++) {
    let sum = 0;
    for (let n = 0; n < g.N; n++) {
      const plane = (n * g.K + k) * pixels;
      for (let i = 0; i < pixels; i++) sum += outputGrad[plane + i];
    }
    biasGrad[k] += sum;
  }
}
