export const expireSession = (_w: unknown, _s: unknown): void => {};
export const settleSession = (_w: unknown, _i: unknown, _ok: boolean): void => {};
