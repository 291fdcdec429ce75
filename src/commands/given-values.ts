/** What --values and --set give: a value on the command line comes before one of the file. */
export async function givenValues({
  set,
  values,
}: {
  set: Record<string, string>;
  values?: string;
}): Promise<Record<string, string>> {
  if (values === undefined) return set;
  const { loadValues } = await import("../deploy/values-file.ts");
  return { ...(await loadValues(values)), ...set };
}
