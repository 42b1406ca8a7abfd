import { optionUseOf, type Use, type UseOf } from "./elements.ts";
import type { Domain } from "./exporter.ts";
import { Field } from "./flow.ts";
import { type FieldSpec, Template, wordsOf } from "./template.ts";

/** Ids of sets of IPFIX (RFC 7011, section 3.3.2). */
export const SET_TEMPLATES_IPFIX = 2;
export const SET_OPTIONS_IPFIX = 3;
const MIN_TEMPLATE_ID = 256;
/** Marks an element of an enterprise, whose number follows (RFC 7011, section 3.2). */
const ENTERPRISE_BIT = 0x8000;
/** Of the scopes of v9, the one that is an interface (RFC 3954, section 6.1). */
const SCOPE_INTERFACE = 2;

/** Calls back for each template that was kept. */
export type OnTemplate = (id: number) => void;

/** Reads the templates of a set into a domain. */
export class TemplateReader {
  readonly #view: DataView;
  readonly #domain: Domain;
  readonly #uses: UseOf;
  readonly #onTemplate: OnTemplate;
  #at: number;
  readonly #end: number;

  /** `uses`: of the elements of records that are no options data. */
  constructor(domain: Domain, view: DataView, at: number, end: number, uses: UseOf, onTemplate: OnTemplate) {
    this.#domain = domain;
    this.#uses = uses;
    this.#view = view;
    this.#at = at;
    this.#end = end;
    this.#onTemplate = onTemplate;
  }

  /** Templates of v9 (RFC 3954, section 5.2). Whether they are sound; so for those below. */
  read9(): boolean {
    while (this.#has(4)) {
      const id = this.#u16();
      const count = this.#u16();
      if (id === 0 && count === 0) return true;
      if (!this.#keep(id, this.#fields9(count, this.#uses), false)) return false;
    }
    return true;
  }

  /** Options templates of v9 (section 6.1). */
  readOptions9(): boolean {
    while (this.#has(6)) {
      const id = this.#u16();
      const scopeBytes = this.#u16();
      const optionBytes = this.#u16();
      if (id === 0) return true;
      if (scopeBytes % 4 !== 0 || optionBytes % 4 !== 0) return false;
      const scopes = this.#scopes9(scopeBytes / 4);
      const fields = this.#fields9(optionBytes / 4, optionUseOf);
      if (!this.#keep(id, scopes && fields && [...scopes, ...fields], true)) return false;
    }
    return true;
  }

  /** Templates of IPFIX (RFC 7011, section 3.4.1), and their withdrawals (section 8.1). */
  readIpfix(isOptions: boolean): boolean {
    const headerBytes = isOptions ? 6 : 4;
    while (this.#has(4)) {
      const id = this.#u16();
      const count = this.#u16();
      // Zeros are padding: a set that is withdrawn as a whole has its own id here.
      if (id === 0 && count === 0) return true;
      if (count === 0) {
        if (!this.#withdraw(id, isOptions)) return false;
        continue;
      }
      if (!this.#has(headerBytes - 4)) return false;
      // How many of the fields are scopes is of no concern: they are elements as any other.
      if (isOptions) this.#at += 2;
      const fields = this.#fieldsIpfix(count, isOptions ? optionUseOf : this.#uses);
      if (!this.#keep(id, fields, isOptions)) return false;
    }
    return true;
  }

  /** Withdraws a template, or all of the set's kind if that is the id. Whether there is such an id. */
  #withdraw(id: number, isOptions: boolean): boolean {
    if (id >= MIN_TEMPLATE_ID) this.#domain.withdraw(id);
    else if (id === (isOptions ? SET_OPTIONS_IPFIX : SET_TEMPLATES_IPFIX)) this.#domain.withdrawAll(isOptions);
    else return false;
    return true;
  }

  #keep(id: number, fields: FieldSpec[] | undefined, isOptions: boolean): boolean {
    if (fields === undefined || id < MIN_TEMPLATE_ID) return false;
    const template = new Template(fields);
    if (template.minBytes === 0) return false;
    this.#domain.keep(id, { template, isOptions });
    this.#onTemplate(id);
    return true;
  }

  #fields9(count: number, uses: UseOf): FieldSpec[] | undefined {
    return this.#fields(count, (element, length) => ({ length, use: uses(element, 0) }));
  }

  #scopes9(count: number): FieldSpec[] | undefined {
    const use: Use = { field: Field.INPUT, rank: 0 };
    return this.#fields(count, (scope, length) => ({ length, use: scope === SCOPE_INTERFACE ? use : undefined }));
  }

  #fieldsIpfix(count: number, uses: UseOf): FieldSpec[] | undefined {
    return this.#fields(count, (element, length) => {
      if ((element & ENTERPRISE_BIT) === 0) return { length, use: uses(element, 0) };
      if (!this.#has(4)) return undefined;
      const enterprise = this.#view.getUint32(this.#at);
      this.#at += 4;
      return { length, use: uses(element & ~ENTERPRISE_BIT, enterprise) };
    });
  }

  /** Undefined if the set ends before; a length that only IPFIX gives a meaning makes a record of v9 too long to be. */
  #fields(count: number, specOf: (element: number, length: number) => FieldSpec | undefined): FieldSpec[] | undefined {
    const specs: FieldSpec[] = [];
    for (let k = 0; k < count; k++) {
      if (!this.#has(4)) return undefined;
      const spec = specOf(this.#u16(), this.#u16());
      if (spec === undefined) return undefined;
      specs.push(...wordsOf(spec));
    }
    return specs;
  }

  #has(bytes: number): boolean {
    return this.#at + bytes <= this.#end;
  }

  #u16(): number {
    const value = this.#view.getUint16(this.#at);
    this.#at += 2;
    return value;
  }
}
