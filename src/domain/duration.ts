// Stretches of time as people write them: `15m`, `24h`, `90d`. No months and no years: their length depends.

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** Milliseconds, or null where the text is no such stretch. At most six digits. */
export function readDuration(text: string): number | null {
  const read = /^(\d{1,6})([smhdw])$/.exec(text);
  return read && Number(read[1]) * unitMs[read[2] as keyof typeof unitMs];
}
