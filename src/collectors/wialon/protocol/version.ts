/** What is known of the protocol of a connection: only version 2.0 has checksums. */
export const Version = { UNKNOWN: 0, WITHOUT_CHECKSUM: 1, WITH_CHECKSUM: 2 } as const;
export type Version = (typeof Version)[keyof typeof Version];

/** The version that a field names; undefined if it names none, as every field of version 1. */
export function versionOf(field: string): Version | undefined {
  if (!/^[0-9]\.[0-9]$/.test(field)) return undefined;
  return field < "2" ? Version.WITHOUT_CHECKSUM : Version.WITH_CHECKSUM;
}
