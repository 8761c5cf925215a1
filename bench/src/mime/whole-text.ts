/** Makes the engine join the pieces of a text now: it puts that off until somebody reads them, which nobody times. */
export function wholeText(text: string): string {
  text.charCodeAt(text.length - 1);
  return text;
}
