export const startPhase = (_w: unknown, _ref: string): void => {};
