/* prom-client has no types for its process metrics one by one. */
declare module "prom-client/lib/metrics/*.js" {
  import type { Registry } from "prom-client";

  export default function register(registry: Registry): void;
}
