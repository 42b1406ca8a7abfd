import {
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
  heartbeatV3,
  joinGroupV5,
  leaveGroupV2,
  offsetCommitV7,
  offsetFetchV5,
  syncGroupV3,
} from "@platformatic/kafka";
import { AnswerReader } from "../answer-reader.ts";
import type { Connection } from "../connection.ts";
import { errorNames, KafkaError } from "../kafka-error.ts";

/** Time after which a member that sends no heartbeat loses its partitions to others. */
export const SESSION_TIMEOUT_MS = 10_000;
/** Time for a member to join again when others come or go. */
const REBALANCE_TIMEOUT_MS = 30_000;

const PROTOCOL_TYPE = "consumer";
/** Names how we share out, with the topic behind it: a leader knows one topic, and would give its members no other. */
const PROTOCOL = "promtap-roundrobin";
const PROTOCOL_VERSION = 0;
const NO_GENERATION = -1;
const NO_INSTANCE = null;
const UNKNOWN_EPOCH = -1;

/** The offset to read next, and the mark of the member that committed it. */
export interface Committed {
  readonly offset: number;
  readonly mark: string;
}

/**
 * Our place in a consumer group, kept over connections: a member that comes back in time finds its partitions where
 * they were. Rebalances are eager: all members give up their partitions, then the leader shares them out.
 */
export class Membership {
  readonly group: string;
  readonly #topic: string;
  readonly #protocol: string;
  readonly #mark: string;
  #connection: Connection | undefined;
  #memberId = "";
  #generation = NO_GENERATION;
  #isLeader = false;
  #partitions: readonly number[] = [];
  /** How many partitions the topic had when they were shared out. */
  #sharedOut = 0;

  /** `mark`: goes with what is committed, so that it is known whose it was; "" for none. */
  constructor(group: string, topic: string, mark: string) {
    this.group = group;
    this.#topic = topic;
    this.#mark = mark;
    this.#protocol = `${PROTOCOL}:${topic}`;
  }

  /** Ours. */
  get partitions(): readonly number[] {
    return this.#partitions;
  }

  /** Takes the connection to the group's coordinator, for all that follows. */
  attach(connection: Connection): void {
    this.#connection = connection;
  }

  /** Gives the connection up: another broker coordinates the group. */
  detach(): void {
    this.#connection = undefined;
  }

  /** Whether the coordinator can be asked. */
  get isAttached(): boolean {
    return this.#connection?.isUsable ?? false;
  }

  /** Whether the topic has partitions that nobody was given; only the leader can do something about it. */
  hasMore(partitionCount: number): boolean {
    return this.#isLeader && partitionCount !== this.#sharedOut;
  }

  /** Makes sure that partitions are shared out again before any is read. */
  reset(): void {
    this.#generation = NO_GENERATION;
  }

  /** Whether the group is as it was and we are in it. Throws if it can't be told. */
  async isStable(): Promise<boolean> {
    if (this.#generation === NO_GENERATION) return false;
    try {
      await this.#coordinator.call(heartbeatV3.api, this.group, this.#generation, this.#memberId, NO_INSTANCE);
      return true;
    } catch (error) {
      return this.#expelled(error, false);
    }
  }

  /**
   * Joins the group, for the first time or again, and takes part in sharing out the topic's partitions. False if
   * others came or went meanwhile, so that it must be done again.
   */
  async join(partitionCount: number): Promise<boolean> {
    this.reset();
    this.#partitions = [];
    const metadata = encodeConsumerProtocolSubscription({ version: PROTOCOL_VERSION, topics: [this.#topic] });
    const joined = await this.#sendJoin([{ name: this.#protocol, metadata }]);
    this.#memberId = joined.memberId;
    this.#isLeader = joined.leader === joined.memberId;
    const members = this.#isLeader ? joined.members.map(({ memberId }) => memberId) : [];
    try {
      const { assignment } = await this.#coordinator.call(
        syncGroupV3.api,
        this.group,
        joined.generationId,
        joined.memberId,
        NO_INSTANCE,
        PROTOCOL_TYPE,
        this.#protocol,
        this.#shareOut(members, partitionCount),
      );
      this.#partitions = assignedPartitions(assignment, this.#topic);
      this.#generation = joined.generationId;
      this.#sharedOut = partitionCount;
      return true;
    } catch (error) {
      return this.#expelled(error, false);
    }
  }

  /** Commits the offsets to read next. False if the group has moved on without us. */
  async commit(offsets: Iterable<readonly [partition: number, offset: number]>): Promise<boolean> {
    const partitions = [...offsets].map(([partitionIndex, offset]) => ({
      partitionIndex,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: UNKNOWN_EPOCH,
      committedMetadata: this.#mark === "" ? null : this.#mark,
    }));
    try {
      await this.#coordinator.call(offsetCommitV7.api, this.group, this.#generation, this.#memberId, NO_INSTANCE, [
        { name: this.#topic, partitions },
      ]);
      return true;
    } catch (error) {
      return this.#expelled(error, false);
    }
  }

  /** What is committed of those of our partitions that have something. */
  async committed(): Promise<Map<number, Committed>> {
    const topics = [{ name: this.#topic, partitionIndexes: [...this.#partitions] }];
    const asked = { groupId: this.group, memberId: null, memberEpoch: UNKNOWN_EPOCH, topics };
    const answer = await this.#coordinator.call(offsetFetchV5.api, [asked], false);
    const found = answer.topics.flatMap(({ partitions }) => partitions);
    return new Map(
      found
        .filter((each) => each.committedOffset >= 0n)
        .map((each) => [each.partitionIndex, { offset: Number(each.committedOffset), mark: each.metadata ?? "" }]),
    );
  }

  /** Leaves, so that the others need not wait for the end of our session. */
  async leave(): Promise<void> {
    if (this.#memberId === "" || !this.isAttached) return;
    const member = { memberId: this.#memberId, groupInstanceId: NO_INSTANCE };
    this.#forget();
    await this.#coordinator.call(leaveGroupV2.api, this.group, [member]);
  }

  get #coordinator(): Connection {
    if (this.#connection === undefined) throw new KafkaError("no connection to the group's coordinator");
    return this.#connection;
  }

  /** A new member is told its id first, and joins with it then; one that was forgotten joins as a new one. */
  async #sendJoin(
    protocols: { name: string; metadata: Buffer }[],
  ): Promise<ReturnType<typeof joinGroupV5.parseResponse>> {
    const send = () =>
      this.#coordinator.call(
        joinGroupV5.api,
        this.group,
        SESSION_TIMEOUT_MS,
        REBALANCE_TIMEOUT_MS,
        this.#memberId,
        NO_INSTANCE,
        PROTOCOL_TYPE,
        protocols,
      );
    try {
      return await send();
    } catch (error) {
      if (errorNames(error).includes("INCONSISTENT_GROUP_PROTOCOL")) {
        throw new KafkaError(`the group ${this.group} reads another topic than ${this.#topic}, or is not of promtaps`);
      }
      const id = error instanceof KafkaError ? memberIdOf(error) : undefined;
      if (id === undefined) this.#expelled(error, undefined);
      this.#memberId = id ?? "";
    }
    return send();
  }

  #shareOut(members: readonly string[], partitionCount: number): { memberId: string; assignment: Buffer }[] {
    const all = Array.from({ length: partitionCount }, (_, partition) => partition);
    return members.toSorted().map((memberId, turn) => {
      const partitions = all.filter((partition) => partition % members.length === turn);
      const assignedPartitions = [{ topic: this.#topic, partitions }];
      return {
        memberId,
        assignment: encodeConsumerProtocolAssignment({ version: PROTOCOL_VERSION, assignedPartitions }),
      };
    });
  }

  /** Returns `verdict` if an error says that the group is not as we know it; throws all others. */
  #expelled<T>(error: unknown, verdict: T): T {
    const names = errorNames(error);
    if (names.includes("UNKNOWN_MEMBER_ID") || names.includes("FENCED_INSTANCE_ID")) this.#forget();
    else if (names.includes("ILLEGAL_GENERATION")) this.reset();
    else if (!names.includes("REBALANCE_IN_PROGRESS")) throw error;
    return verdict;
  }

  #forget(): void {
    this.#memberId = "";
    this.#partitions = [];
    this.reset();
  }
}

/** The id that the coordinator gave to a new member, along with an error. */
function memberIdOf(error: KafkaError): string | undefined {
  if (!error.names.includes("MEMBER_ID_REQUIRED")) return undefined;
  return (error.response as { memberId?: string } | undefined)?.memberId;
}

/** Reads an assignment of the consumer protocol, which another member has written. */
function assignedPartitions(assignment: Buffer, ours: string): number[] {
  if (assignment.length === 0) return [];
  const assigned: number[] = [];
  try {
    const reader = new AnswerReader(assignment);
    reader.readInt16(); // version
    const readTopic = (): void => {
      const topic = reader.readString(false);
      const partitions = reader.readArray(() => reader.readInt32(), false, false);
      if (topic === ours) assigned.push(...partitions);
    };
    reader.readArray(readTopic, false, false);
  } catch (error) {
    throw new KafkaError("the group was given an assignment that makes no sense", error);
  }
  return [...new Set(assigned)];
}
