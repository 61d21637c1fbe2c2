/**
 * STONNE's event model, played out value by value for one product: the slow reference that the timers are held against. Every
 * packet leaves its port in a cycle of its own, every adder acts one cycle after its last input, and every result queues for
 * its line and for the buffer. Source: STONNE 22634b8b.
 */

/** The rules under which an iteration is played. */
export interface EventRules {
  readonly multipliers: number;
  readonly distributionBandwidth: number;
  readonly reductionBandwidth: number;
  readonly bus: "balanced" | "hashed";
  readonly drain: "full" | "half";
}

/** Cycles of all iterations for vectors given as positions of their nonzeros. Partial sums go first on port 0. */
export function playProduct(vectors: readonly (readonly number[])[], columns: number, rules: EventRules): number {
  const P = rules.multipliers;
  let cycles = 0;
  let open: number[][] = [];
  const close = () => {
    if (open.length > 0) cycles += playIteration(open, false, columns, rules);
    open = [];
  };
  for (const vector of vectors) {
    if (vector.length === 0) continue;
    if (open.flat().length + vector.length > P) close();
    if (vector.length <= P) {
      open.push([...vector]);
      continue;
    }
    cycles += playIteration([vector.slice(0, P)], false, columns, rules);
    for (let from = P; from < vector.length; from += P - 1) {
      cycles += playIteration([vector.slice(from, from + P - 1)], true, columns, rules);
    }
  }
  close();
  return cycles;
}

function playIteration(neurons: number[][], continuation: boolean, columns: number, rules: EventRules): number {
  const { multipliers: P, distributionBandwidth, reductionBandwidth, bus, drain } = rules;
  const perPort = P / distributionBandwidth;
  const delay = perPort > 1 ? 1 : 0;
  const shift = continuation ? 1 : 0;
  const leaves = neurons.flat();
  // fire[column][leaf]
  const fire = Array.from({ length: columns }, () => new Array<number>(leaves.length + shift).fill(0));
  for (let port = 0; port < distributionBandwidth; port++) {
    const own = [...leaves.keys()].filter((i) => Math.floor((i + shift) / perPort) === port);
    const wanted = [...new Set(own.map((i) => leaves[i]))].sort((a, b) => a - b);
    // The queue: weights, then the wanted values of each column; partial sums overtake from cycle 1 on.
    const queue = own.map(() => ({ column: -1, value: -1 }));
    for (let column = 0; column < columns; column++) for (const value of wanted) queue.push({ column, value });
    let sums = continuation && port === 0 ? columns : 0;
    for (let cycle = 0; queue.length > 0 || sums > 0; cycle++) {
      if (sums > 0 && cycle >= 1) {
        fire[columns - sums][0] = cycle + delay;
        sums--;
        continue;
      }
      const packet = queue[0];
      if (packet === undefined || packet.column + 1 > cycle) continue;
      queue.shift();
      for (const i of own) if (leaves[i] === packet.value) fireLater(packet.column, i, cycle);
    }
  }
  function fireLater(column: number, i: number, cycle: number): void {
    if (column >= 0) fire[column][i + shift] = cycle + delay;
  }

  const queues = new Map<number, number[]>();
  let first = 0;
  neurons.forEach((neuron, v) => {
    const last = first + neuron.length - 1 + (v === 0 ? shift : 0);
    for (let column = 0; column < columns; column++) {
      const { time, line } = reduce(fire[column], first, last, P, reductionBandwidth);
      const queue = queues.get(bus === "hashed" ? line : 0) ?? [];
      queue.push(time);
      queues.set(bus === "hashed" ? line : 0, queue);
    }
    first = last + 1;
  });

  let remaining = neurons.length * columns;
  let waiting = 0;
  let arriving = 0;
  for (let cycle = 0; ; cycle++) {
    waiting += arriving;
    arriving = 0;
    const stored = drain === "half" ? Math.ceil(waiting / 2) : waiting;
    waiting -= stored;
    remaining -= stored;
    if (remaining === 0) return cycle + 2;
    for (const queue of queues.values()) {
      for (let port = 0; port < (bus === "hashed" ? 1 : reductionBandwidth); port++) {
        const at = queue.findIndex((time) => time + 1 <= cycle);
        if (at < 0) break;
        queue.splice(at, 1);
        arriving++;
      }
    }
  }
}

/** Adders of one virtual neuron, level by level, with the links between neighbouring subtrees. */
function reduce(fire: readonly number[], first: number, last: number, P: number, lines: number) {
  let nodes = new Map<number, number>();
  for (let leaf = first; leaf <= last; leaf++) nodes.set(leaf, fire[leaf]);
  const height = Math.log2(P);
  for (let level = 1; ; level++) {
    const next = new Map<number, number>();
    const children = [...nodes.keys()];
    for (const [node, time] of nodes) next.set(node >> 1, Math.max(next.get(node >> 1) ?? 0, time + 1));
    const [low, high] = [Math.min(...next.keys()), Math.max(...next.keys())];
    for (let x = 1; x + 1 < P >> level; x += 2) {
      const [mine, other] = [next.get(x), next.get(x + 1)];
      if (mine === undefined || other === undefined) continue;
      const left = children.filter((node) => node >> 1 <= x).length;
      const right = children.length - left;
      if (left >= right && high === x + 1) {
        next.set(x, Math.max(mine, other + 1));
        next.delete(x + 1);
      } else if (left < right && low === x) {
        next.set(x + 1, Math.max(other, mine + 1));
        next.delete(x);
      }
    }
    nodes = next;
    if (nodes.size > 1) continue;
    const [[index, time]] = nodes;
    return { time, line: lineOf(height - level, index, height) % lines };
  }
}

function lineOf(depth: number, index: number, height: number): number {
  const pairs = (rows: number) => {
    let sum = 0;
    for (let q = 1; q <= rows; q++) sum += 2 ** (q - 1) - 1;
    return sum;
  };
  if (index >= 1 && index <= 2 ** depth - 2) return pairs(depth - 1) + Math.floor((index - 1) / 2);
  const edges = 2 * pairs(height - 1);
  if (depth === 0) return edges;
  return edges + 1 + 2 * (depth - 1) + (index === 2 ** depth - 1 ? 1 : 0);
}

/** The rules under which a tile of the mesh is played. */
export interface MeshRules extends Omit<EventRules, "multipliers"> {
  readonly rows: number;
  readonly columns: number;
}

/** Cycles of one tile of the mesh, product by product. */
export function playTile(rules: MeshRules, height: number, width: number, length: number): number {
  const { rows, columns, distributionBandwidth, reductionBandwidth, bus, drain } = rules;
  const perPort = (rows + columns) / distributionBandwidth;
  const delay = perPort > 1 ? 1 : 0;
  const used = [...Array(width).keys(), ...Array.from({ length: height }, (_, i) => columns + i)];
  const leave = (destination: number, k: number) => {
    const own = used.filter((other) => Math.floor(other / perPort) === Math.floor(destination / perPort));
    return k * own.length + own.indexOf(destination) + delay;
  };
  const queues = new Map<number, number[]>();
  const fire: number[][] = Array.from({ length: height }, () => new Array<number>(width).fill(-1));
  for (let k = 0; k < length; k++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const top = i === 0 ? leave(j, k) : fire[i - 1][j] + 1;
        const left = j === 0 ? leave(columns + i, k) : fire[i][j - 1] + 1;
        fire[i][j] = Math.max(top, left, fire[i][j] + 1);
      }
    }
  }
  fire.forEach((row, i) => {
    row.forEach((time, j) => {
      const line = bus === "hashed" ? (i * columns + j) % reductionBandwidth : 0;
      queues.set(line, [...(queues.get(line) ?? []), time + 2]);
    });
  });
  let remaining = height * width;
  let waiting = 0;
  let arriving = 0;
  for (let cycle = 0; ; cycle++) {
    waiting += arriving;
    arriving = 0;
    const stored = drain === "half" ? Math.ceil(waiting / 2) : waiting;
    waiting -= stored;
    remaining -= stored;
    if (remaining === 0) return cycle + 2;
    for (const queue of queues.values()) {
      for (let port = 0; port < (bus === "hashed" ? 1 : reductionBandwidth); port++) {
        const at = queue.findIndex((time) => time <= cycle);
        if (at < 0) break;
        queue.splice(at, 1);
        arriving++;
      }
    }
  }
}
