// Stripe counts whole seconds since 1970; we keep instants. Nothing else.

export function instant(seconds: number): Date;
export function instant(seconds: number | null | undefined): Date | null;
export function instant(seconds: number | null | undefined): Date | null {
  return seconds === null || seconds === undefined ? null : new Date(seconds * 1000);
}

export function toSeconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}
