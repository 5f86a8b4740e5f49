/** Records that are opened together, and fail together. */
import { expect, it } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { Block, secret } from "../../src/index.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { generateKey, type Key, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";

class Leaf extends Block.define({ name: "Sealing Leaf", fields: { token: secret() } }) {}
class Tree extends Block.define({ name: "Sealing Tree", fields: { token: secret(), leaf: Leaf } }) {}

it("one that fails at once does not leave another to fail later with nobody waiting for it", async () => {
  const backend = memoryBackend();
  const [known, unknown] = [generateKey(), generateKey()];
  const storeOf = async (key: Key) => sealedStore({ backend, vault: await sodiumVault(async () => keyring([key], "a test")) });
  const store = await storeOf(known);
  const leaf = await new Leaf({ token: "t" }).save("damaged", { store });
  await new Leaf({ token: "t" }).save("sound", { store });
  await new Tree({ token: "t", leaf }).save("sealed-elsewhere", { store: await storeOf(unknown) });
  const [record] = await backend.getMany([leaf.document?.id ?? ""]);
  if (record) await backend.put({ ...record, updatedBy: "someone else" }, 1);

  await Leaf.load("sound", { store }); // it has its key at hand now, and answers at once
  const lost: unknown[] = [];
  const listen = (reason: unknown) => lost.push(reason);
  process.on("unhandledRejection", listen);
  await expect(Tree.load("sealed-elsewhere", { store })).rejects.toThrow(expect.objectContaining({ code: expect.stringMatching(/^ERR_/) }));
  await new Promise((done) => setTimeout(done, 20));
  process.off("unhandledRejection", listen);
  expect(lost).toEqual([]);
});
