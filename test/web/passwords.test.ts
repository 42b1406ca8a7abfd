import assert from "node:assert/strict";
import { test } from "node:test";
import { compareSync, hashSync } from "bcryptjs";
import { costOf, decoyOf } from "../../src/web/bcrypt-hash.ts";
import { Passwords } from "../../src/web/passwords.ts";

const USERS = new Map([["dave", hashSync("dave123", 4)]]);

function ask(passwords: Passwords, password: string, client = "a", user = "dave"): Promise<boolean | undefined> {
  return passwords.areRight(USERS, { user, password }, client);
}

test("a verdict is remembered, and one that is waited for is waited for by all", async () => {
  await using passwords = new Passwords();
  const both = await Promise.all([ask(passwords, "dave123"), ask(passwords, "dave123", "b")]);
  assert.deepEqual([...both, await ask(passwords, "dave123")], [true, true, true]);
  assert.equal(await ask(passwords, "wrong"), false);
  assert.equal(await ask(passwords, "wrong"), false);
  assert.equal(passwords.checks, 2);
});

test("wrong passwords push no right one out, however many there are", async () => {
  await using passwords = new Passwords();
  assert.equal(await ask(passwords, "dave123"), true);
  for (let guess = 0; guess < 150; guess++) assert.equal(await ask(passwords, `guess ${guess}`), false);
  const { checks } = passwords;
  assert.equal(await ask(passwords, "dave123"), true);
  assert.equal(passwords.checks, checks);
});

test("a client has so many guesses at once, and takes no other's place", async () => {
  await using passwords = new Passwords();
  const guesses = Array.from({ length: 10 }, async (_, guess) => ask(passwords, `guess ${guess}`, "attacker"));
  const right = ask(passwords, "dave123", "scraper");
  const answers = await Promise.all(guesses);
  assert.deepEqual(answers, [...Array<boolean>(4).fill(false), ...Array<undefined>(6).fill(undefined)]);
  assert.equal(await right, true);
  const many = Array.from({ length: 50 }, async (_, client) => ask(passwords, `other ${client}`, `client ${client}`));
  assert.equal((await Promise.all(many)).filter((answer) => answer === false).length, 32);
});

test("clients that guess as much as they may leave a place for one that does not", async () => {
  await using passwords = new Passwords();
  const guesses = Array.from({ length: 32 }, async (_, guess) => ask(passwords, `guess ${guess}`, `${guess % 8}`));
  assert.equal(await ask(passwords, "dave123", "scraper"), true);
  const answers = await Promise.all(guesses);
  assert.deepEqual(answers, [...Array<boolean>(31).fill(false), undefined]);
});

test("a user that there is not takes as much work as one that there is, and is never right", async () => {
  const decoy = decoyOf(USERS.get("dave")!);
  assert.equal(costOf(decoy), 4);
  assert.equal(compareSync("dave123", decoy), false);
  await using passwords = new Passwords();
  assert.equal(await ask(passwords, "dave123", "a", "nobody"), false);
  assert.equal(passwords.checks, 1);
});

test("the event loop goes on while a password is checked", async () => {
  await using passwords = new Passwords();
  const users = new Map([["dave", hashSync("dave123", 10)]]);
  let isOver = false;
  const checked = passwords.areRight(users, { user: "dave", password: "dave123" }, "a").finally(() => (isOver = true));
  let turns = 0;
  while (!isOver) {
    turns++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await checked, true);
  assert.ok(turns > 100, `${turns} turns`);
});
