import { Field, type Flow } from "../../../flows/flow.ts";
import type { GeoDatabases } from "../../../geo/databases.ts";
import { setIpv4 } from "../../../packet/address.ts";
import { Field as RecordField, type FlowRecord } from "../records/flow-record.ts";

/** Gives records the ASes of their addresses, if their exporter tells none. */
export class FlowSystems {
  readonly #databases: Pick<GeoDatabases, "systemOf" | "reload">;
  readonly #address = new Uint32Array(4);

  constructor(databases: Pick<GeoDatabases, "systemOf" | "reload">) {
    this.#databases = databases;
  }

  /** Begins to read databases again that have changed. */
  refresh(): void {
    void this.#databases.reload();
  }

  /** Hot; does not allocate once the systems were met. */
  fill(flow: Flow, { numbers }: FlowRecord): void {
    if (numbers[RecordField.SOURCE_AS] === 0) {
      numbers[RecordField.SOURCE_AS] = this.#systemOf(flow, Field.SOURCE_IPV4, Field.SOURCE_IPV6);
    }
    if (numbers[RecordField.DESTINATION_AS] === 0) {
      numbers[RecordField.DESTINATION_AS] = this.#systemOf(flow, Field.DESTINATION_IPV4, Field.DESTINATION_IPV6);
    }
  }

  /** 0 if no database knows. */
  #systemOf({ numbers }: Flow, ipv4: Field, ipv6: Field): number {
    const address = this.#address;
    if (numbers[ipv4] !== 0) setIpv4(address, numbers[ipv4]!);
    else for (let k = 0; k < address.length; k++) address[k] = numbers[ipv6 + k]!;
    return this.#databases.systemOf(address)?.number ?? 0;
  }
}
