/** How registries are talked to. */
export interface Fetching {
  authFile?: string | undefined;
  tlsVerify?: boolean | undefined;
}
