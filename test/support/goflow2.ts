import { join } from "node:path";

/** A Go module: `setup.sh` builds it if there is Go, and the environment may name another build. */
export const GOFLOW2: string = process.env["GOFLOW2"] ?? join(import.meta.dirname, "../../.cache/goflow2/goflow2");
