/** Where something is in a file; both begin with 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A text that a file gives a flag. */
export interface FileText extends Position {
  readonly text: string;
}

/** What a file holds, without what its syntax allows besides: no tags, anchors or numbers. */
export type Node = TextNode | ListNode | MappingNode;

export interface TextNode extends Position {
  readonly kind: "text";
  /** As it stands there: 0660 is no number. */
  readonly text: string;
  /** Without quotes it may be a word with a meaning, such as true. */
  readonly isQuoted: boolean;
}

/** Whether a text is what YAML has for nothing. */
export function isNothing({ text, isQuoted }: TextNode): boolean {
  return !isQuoted && /^(?:|null|Null|NULL|~)$/.test(text);
}

export interface ListNode extends Position {
  readonly kind: "list";
  readonly items: readonly Node[];
}

export interface MappingNode extends Position {
  readonly kind: "mapping";
  readonly entries: readonly Entry[];
}

export interface Entry {
  /** Position of the key. */
  readonly at: Position;
  readonly key: string;
  readonly value: Node;
}

/** What is wrong, and where. */
export interface Fault {
  readonly at: Position;
  readonly why: string;
}
