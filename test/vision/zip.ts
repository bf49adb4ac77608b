import { closeSync, openSync, readSync, statSync } from "node:fs";
import { inflateRawSync } from "node:zlib";

const read = (fd: number, at: number, length: number): Buffer => {
  const out = Buffer.alloc(length);
  readSync(fd, out, 0, length, at);
  return out;
};

/** One member of a zip file, by its whole name; only the directory and the member are read. */
export function readZipMember(path: string, name: string): Uint8Array {
  const fd = openSync(path, "r");
  try {
    const size = statSync(path).size;
    const tail = read(fd, size - 22, 22);
    const directory = read(fd, tail.readUInt32LE(16), tail.readUInt32LE(12));
    for (let at = 0; at < directory.length; ) {
      const nameLength = directory.readUInt16LE(at + 28);
      if (directory.toString("utf8", at + 46, at + 46 + nameLength) === name) {
        const local = directory.readUInt32LE(at + 42);
        const head = read(fd, local, 30);
        const start = local + 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
        const packed = read(fd, start, directory.readUInt32LE(at + 20));
        return new Uint8Array(directory.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed));
      }
      at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    }
  } finally {
    closeSync(fd);
  }
  throw new Error(`${path} has no member ${name}`);
}
