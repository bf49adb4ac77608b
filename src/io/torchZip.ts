import { FileFormatError } from "../errors.ts";
import { ByteReader } from "./byteReader.ts";
import { itemSize } from "./dtype.ts";
import { inflateMembers } from "./inflate.ts";
import { quote } from "./quote.ts";
import { type ByteSource, readBytes } from "./source.ts";
import { unpickleTorch } from "./torchTensor.ts";
import { readZip } from "./zip.ts";

// torch.save since 1.6: a zip file NAME/data.pkl, NAME/byteorder, NAME/data/KEY (one for each storage).

/** Gives the object that was saved. */
export async function readTorchZip(file: ByteSource): Promise<unknown> {
  const [source, members] = await inflateMembers(file, readZip(file));
  const fail = (message: string): never => {
    throw new FileFormatError(source.name, message);
  };
  const pickles = [...members.values()].filter(({ name }) => /(?:^|\/)data\.pkl$/.test(name));
  const pickle = pickles[0];
  if (pickle === undefined) {
    return fail("is a zip file, but not one of torch.save: it has no data.pkl");
  }
  if (pickles.length > 1) return fail(`has ${pickles.length} files named data.pkl`);
  const folder = pickle.name.slice(0, -"data.pkl".length);
  if (members.has(`${folder}constants.pkl`)) {
    return fail("is a TorchScript file (torch.jit.save); save the weights alone: torch.save(model.state_dict(), ...)");
  }

  const order = members.get(`${folder}byteorder`);
  const byteOrder =
    order === undefined ? "little" : new TextDecoder().decode(readBytes(source, order.offset, Math.min(order.size, 8)));
  if (byteOrder !== "little" && byteOrder !== "big") return fail(`has the byte order ${quote(byteOrder)}`);

  const reader = new ByteReader(source, pickle.offset, pickle.offset + pickle.size);
  return unpickleTorch(reader, ({ key, dtype = "U8", length }) => {
    const member = members.get(`${folder}data/${key}`);
    if (member === undefined) return fail(`not a valid PyTorch file: the storage ${quote(key)} is missing`);
    if (!(length * itemSize[dtype] <= member.size)) {
      const want = `${length} elements of ${dtype}`;
      return fail(`not a valid PyTorch file: the storage ${quote(key)} has ${member.size} bytes, too few for ${want}`);
    }
    return { source, dtype, offset: member.offset, length, bigEndian: byteOrder === "big" };
  });
}
