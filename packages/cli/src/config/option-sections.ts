/** Keys of a configuration that hold options of the broker instead of a flag. */
export const optionSectionNames = ['broker', 'domains', 'storeOptions', 'alerts'] as const;

/** One of {@link optionSectionNames}. */
export type OptionSectionName = (typeof optionSectionNames)[number];

/** Sections of a configuration as they were read, not yet checked. */
export interface OptionSections extends Partial<Readonly<Record<OptionSectionName, unknown>>> {
  /** Path of the configuration. */
  readonly path: string;
}

/** What commands get from a configuration besides the values of their flags. */
export interface ConfiguredFlags {
  /** Absent without such a section. */
  readonly optionSections?: OptionSections;
}

/** The option sections of a configuration, and everything else. */
export function splitSections(
  path: string,
  content: Readonly<Record<string, unknown>>,
): { readonly sections: OptionSections | undefined; readonly flags: Readonly<Record<string, unknown>> } {
  const names: readonly string[] = optionSectionNames;
  const entries = Object.entries(content);
  const given = entries.filter(([name, value]) => names.includes(name) && value !== undefined);
  const sections = given.length === 0 ? undefined : { path, ...Object.fromEntries(given) };
  return { sections, flags: Object.fromEntries(entries.filter(([name]) => !names.includes(name))) };
}
