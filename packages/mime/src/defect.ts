/** Codes of the defects that the parser reports in a received message; parsing goes on. */
export type DefectCode =
  | 'bare-lf'
  | 'header-malformed'
  | 'header-charset'
  | 'header-duplicate'
  | 'header-too-large'
  | 'header-too-many-fields'
  | 'header-unterminated'
  | 'header-line-break'
  | 'parameter-duplicate'
  | 'content-type-malformed'
  | 'address-invalid'
  | 'date-invalid'
  | 'date-zone-unknown'
  | 'identifier-invalid'
  | 'multipart-without-boundary'
  | 'multipart-empty'
  | 'multipart-unterminated'
  | 'multipart-resumed'
  | 'multipart-encoded'
  | 'too-deep'
  | 'too-many-parts'
  | 'message-too-large'
  | 'unknown-charset'
  | 'charset-mismatch'
  | 'unknown-encoding';

/** One defect of a received message. */
export interface Defect {
  readonly code: DefectCode;
  /** The part with the defect: `''` for the message itself, `'1.2'` for the second part of its first part. */
  readonly path: string;
}
