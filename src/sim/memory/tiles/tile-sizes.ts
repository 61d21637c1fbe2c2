/** Sizes of tiles that are worth a look, or those that a config fixes. */
import { CHANNEL_BLOCK } from "../dram-layout.ts";
import type { Nest, Tile } from "./loop-nest.ts";

type Axes = Nest["axes"];
/** A cut along images, rows and columns. */
export type SpaceCut = Pick<Axes, "images" | "rows" | "columns">;
/** A cut along groups, filters and channels. */
export type ChannelCut = Pick<Axes, "groups" | "filters" | "channels">;
/** Sizes that a config gives; those that it does not give are whole. Null leaves all of them to the search. */
export type FixedTile = Partial<Tile> | null;

/** Cuts along space, the smallest last: into images, then rows, then columns. */
export function spaceCuts({ images, rows, columns }: Axes, fixed: FixedTile): SpaceCut[] {
  const cut = (image = images.size, row = rows.size, column = columns.size): SpaceCut => ({
    images: images.cut(Math.min(image, images.size)),
    rows: rows.cut(Math.min(row, rows.size)),
    columns: columns.cut(Math.min(column, columns.size)),
  });
  if (fixed !== null) return [cut(fixed.images, fixed.rows, fixed.columns)];
  return [
    ...halves(images.size).map((count) => cut(count)),
    ...halves(rows.size)
      .slice(1)
      .map((count) => cut(1, count)),
    ...halves(columns.size)
      .slice(1)
      .map((count) => cut(1, 1, count)),
  ];
}

/** Cuts along groups or, within one of them, along filters and channels, the smallest last. */
export function channelCuts({ groups, filters, channels }: Axes, fixed: FixedTile): ChannelCut[] {
  const cut = (group = groups.size, filter = filters.size, channel = channels.size): ChannelCut => ({
    groups: groups.cut(Math.min(group, groups.size)),
    filters: filters.cut(Math.min(filter, filters.size)),
    channels: channels.cut(Math.min(channel, channels.size)),
  });
  if (fixed !== null) return [cut(fixed.groups, fixed.filters, fixed.channels)];
  return halves(filters.size, CHANNEL_BLOCK).flatMap((filter) =>
    halves(channels.size, CHANNEL_BLOCK).flatMap((channel) => {
      const isWhole = filter === filters.size && channel === channels.size;
      return (isWhole ? halves(groups.size) : [1]).map((group) => cut(group, filter, channel));
    }),
  );
}

/** The smallest tile of all cuts. */
export function smallestCut(axes: Axes, fixed: FixedTile): Axes {
  const size = (name: keyof Axes) => Math.min(axes[name].size, fixed === null ? 1 : (fixed[name] ?? axes[name].size));
  const cut = (name: keyof Axes) => axes[name].cut(size(name));
  return {
    ...{ images: cut("images"), rows: cut("rows"), columns: cut("columns") },
    ...{ groups: cut("groups"), filters: cut("filters"), channels: cut("channels") },
  };
}

/** n, n/2, n/4 … 1, rounded up, and up to whole blocks where that is less than the size before. */
function halves(n: number, block = 1): number[] {
  const sizes = [Math.max(1, n)];
  for (let [size] = sizes; size > 1; sizes.push(size)) {
    const inBlocks = Math.ceil(size / 2 / block) * block;
    size = inBlocks < size ? inBlocks : Math.ceil(size / 2);
  }
  return sizes;
}
