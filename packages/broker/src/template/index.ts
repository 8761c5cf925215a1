/**
 * Messages with gaps: one template, many messages. Nothing is sent unless every value is there, and a value never
 * becomes markup, another header field or another recipient.
 *
 * @packageDocumentation
 */
export {
  type Escape,
  escapeHeaderText,
  escapeHtml,
  escapeText,
  escapeUriPart,
  fillGapText,
  type Gap,
  type GapText,
  type LookupValue,
  parseGapText,
} from './gap-text.ts';
export {
  type MessageTemplate,
  parseMessageTemplate,
  type TemplateValues,
  type TemplateVariable,
} from './message-template.ts';
