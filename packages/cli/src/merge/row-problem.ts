/** Why a row cannot become a message, in words. */
export class RowProblem extends Error {}
