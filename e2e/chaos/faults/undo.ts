/** Puts right what a fault broke; resolves once all is as before. */
export type Undo = () => Promise<void>;

export const nothingToUndo: Undo = async () => undefined;
