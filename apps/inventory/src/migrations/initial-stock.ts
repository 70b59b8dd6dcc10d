/** More than a load test can sell. */
const PLENTY = 1_000_000;

/** What lies on the shelves at first, of everything that is sold. */
export const initialStock: Readonly<Record<string, number>> = {
  'mug-blue': PLENTY,
  'mug-red': PLENTY,
  'mug-white': PLENTY,
  'tee-black-m': PLENTY,
  'tee-white-m': PLENTY,
  'poster-farandole': PLENTY,
  'notebook-dotted': PLENTY,
  'pen-gel': PLENTY,
  'cap-navy': PLENTY,
  'tote-canvas': PLENTY,
  'sticker-pack': PLENTY,
  'umbrella-black': PLENTY,
  'last-one': 1,
  'sold-out': 0,
};
