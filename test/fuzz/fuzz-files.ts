/** Mutated files of one kind after another: which file a number stands for, and how the program took it. */
import { mutatedBytes } from "./bytes.ts";
import { Draw } from "./draw.ts";
import { KINDS, type Kind } from "./kinds.ts";
import { type Verdict, verdictOf } from "./outcome.ts";
import { mutatedTree, sizeUpTo, type Tree } from "./tree.ts";

/** Beyond it the limits on time and memory say nothing. */
const MOST_BYTES = 1e6;
/** Shares of files that are mutated as bytes, and of those that are mutated in their structure. */
const AS_BYTES = 0.35;
const IN_STRUCTURE = 0.85;
const AGAIN = 0.35;
/** Of those that are mutated in their structure, the share that is made to fit again. */
const REPAIRED = 0.6;

/** Files of one kind, the same for the same seed and number. */
export class FileFuzzer {
  readonly kind: string;
  readonly #kind: Kind;
  readonly #samples: readonly Tree[];

  private constructor(kind: string, samples: readonly Tree[]) {
    this.kind = kind;
    this.#kind = KINDS[kind];
    this.#samples = samples;
  }

  static async of(kind: string): Promise<FileFuzzer> {
    return new FileFuzzer(kind, await KINDS[kind].samples());
  }

  /** The file `index` of a seed. */
  file(seed: number, index: number): Uint8Array {
    const draw = new Draw(`${this.kind} ${seed} ${index}`);
    let tree = draw.pick(this.#samples);
    if (draw.chance(IN_STRUCTURE))
      do {
        const mutated = mutatedTree(tree, draw);
        // Copies of copies make more text than the runtime holds.
        if (sizeUpTo(MOST_BYTES, mutated) <= MOST_BYTES) tree = mutated;
      } while (draw.chance(AGAIN));
    if (draw.chance(REPAIRED)) tree = this.#kind.repair?.(tree) ?? tree;
    let bytes = this.#bytes(tree);
    if (draw.chance(AS_BYTES))
      do bytes = mutatedBytes(bytes, draw);
      while (draw.chance(AGAIN));
    return bytes.slice(0, MOST_BYTES);
  }

  /** Every valid file as it is. */
  valid(): Uint8Array[] {
    return this.#samples.map((tree) => this.#bytes(tree));
  }

  /** How a file is read; what is checked of its answer is drawn from `name`. */
  read(bytes: Uint8Array, name: string): Promise<Verdict> {
    return verdictOf(() => this.#kind.read(bytes, new Draw(name)));
  }

  /** How the file `index` of a seed is read. */
  verdict(seed: number, index: number): Promise<Verdict> {
    return this.read(this.file(seed, index), `${this.kind} ${seed} ${index} laws`);
  }

  #bytes(tree: Tree): Uint8Array {
    return new Uint8Array(Buffer.from(this.#kind.encode(tree)));
  }
}
