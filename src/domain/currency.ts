// The currencies Stripe takes and the steps their amounts move in. Amounts are always minor units, so how many
// decimals a currency shows is nobody's business here.

/** Stripe's documentation, "Supported currencies" (presentment). */
const currencies = new Set(
  `usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf
  clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl hrk htg huf idr
  ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk
  mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle
  sos srd std svc szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw`.split(
    /\s+/,
  ),
);

/** "Special cases": three-decimal currencies end in 0; ISK and UGX are written with two decimals, always 00. */
const multiples: Record<string, number> = {
  bhd: 10,
  jod: 10,
  kwd: 10,
  omr: 10,
  tnd: 10,
  isk: 100,
  ugx: 100,
};

export function isCurrency(code: string): boolean {
  return currencies.has(code);
}

/** Amounts in this currency must be a multiple of it. */
export function currencyMultiple(code: string): number {
  return multiples[code] ?? 1;
}
