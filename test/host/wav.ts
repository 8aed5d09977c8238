/** Sound as a WAV file. @param at amplitude, -1 to 1, at a time in seconds */
export function wav(at: (seconds: number) => number, duration = 10): Buffer {
  const RATE = 16_000;
  const samples = Int16Array.from({ length: duration * RATE }, (_, i) => Math.round(32_767 * at(i / RATE)));
  const head = Buffer.alloc(44);
  head.write('RIFF');
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write('WAVEfmt ', 8);
  for (const [offset, value] of [
    [16, 16],
    [24, RATE],
    [28, 2 * RATE],
    [40, samples.byteLength],
  ] as const)
    head.writeUInt32LE(value, offset);
  for (const [offset, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    head.writeUInt16LE(value, offset);
  head.write('data', 36);
  return Buffer.concat([head, Buffer.from(samples.buffer)]);
}
