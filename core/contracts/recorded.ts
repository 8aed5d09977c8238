/** Lists by when their items were recorded. */
interface Dated {
  readonly createdAt: string;
  readonly recordedAt?: string | undefined;
}

/** When an item was recorded; if that is unknown, when it was added. */
export const recordedOr = ({ recordedAt, createdAt }: Dated): string => recordedAt ?? createdAt;

/** Times of the API are in UTC, so their text has their order. */
export const newestRecordedFirst = (a: Dated, b: Dated): number => recordedOr(b).localeCompare(recordedOr(a));
