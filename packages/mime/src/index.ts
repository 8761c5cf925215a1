/**
 * Compose and parse e-mail messages: MIME parts, headers, addresses and transfer encodings.
 *
 * @packageDocumentation
 */
export {
  type AddressForm,
  type AddressInput,
  formatPhrase,
  type Group,
  type Mailbox,
  type MailboxInput,
  type PhraseOptions,
} from './address.ts';
export { canonicalAddress, type FormatAddressOptions, formatAddress, wireAddress } from './address-format.ts';
export { type AddressParseOptions, parseAddressList, parseMailbox } from './address-list.ts';
export { readAddressList } from './address-recovery.ts';
export { type AuthorReading, type AuthorReason, readAuthor } from './author.ts';
export type { BodyVariant } from './body.ts';
export type { CharsetDecoder, CharsetDefect, CharsetOptions } from './charset.ts';
export { type ComposedMessage, type ComposeOptions, composeMessage } from './compose.ts';
export type { ContentInput, ContentStream, WebStream } from './content.ts';
export { formatDate, parseDate } from './date.ts';
export type { Defect, DefectCode } from './defect.ts';
export { domainToAscii } from './domain.ts';
export {
  decodeWords,
  type EncodedWordContext,
  type EncodedWordOptions,
  encodeWords,
} from './encoded-word.ts';
export { type ErrorPlace, MimeError, type MimeErrorCode, type MimeErrorKind } from './errors.ts';
export { decodeFlowed, type FlowedOptions } from './format-flowed.ts';
export { HeaderBlock, HeaderField, type HeaderReading, parseHeaderBlock } from './header-block.ts';
export { findHeaderEnd } from './header-end.ts';
export type { HeaderCharset } from './header-fields.ts';
export { foldHeader, unfoldHeader } from './header-fold.ts';
export { DEFAULT_PARSE_LIMITS, type ParseLimits } from './limits.ts';
export type {
  Alternative,
  Attachment,
  ComposeWarning,
  ContentAttachment,
  HeaderInput,
  ListFields,
  Message,
  MessageAttachment,
  ReadyPart,
  ReportInput,
} from './message.ts';
export type { Envelope } from './message-header.ts';
export { MessageParser, type ParseEvent, type ParserOptions, type PartHeader } from './message-parser.ts';
export { formatParameter, type ParameterizedValue, parseParameters } from './parameter.ts';
export { parseMessage } from './parse.ts';
export { type ParsedMessage, type ParsedPart, type PartRange, rawPart } from './parsed-message.ts';
export {
  type DeliveryReport,
  type DispositionReport,
  type FeedbackReport,
  type FormattedReport,
  parseReport,
  type RecipientStatus,
  type Report,
  readReport,
  type TypedValue,
} from './report.ts';
export { formatReport } from './report-format.ts';
export {
  Base64Decoder,
  Base64Encoder,
  type Base64Options,
  decodeBase64,
  encodeBase64,
  encodeBase64Octets,
} from './transfer/base64.ts';
export {
  decodeQuotedPrintable,
  encodeQuotedPrintable,
  encodeQuotedPrintableOctets,
  QuotedPrintableDecoder,
  QuotedPrintableEncoder,
  type QuotedPrintableMode,
  type QuotedPrintableOptions,
} from './transfer/quoted-printable.ts';
