import { basename, extname } from "node:path";
import { start } from "../backend.ts";
import { type Command, text, UsageError } from "../command.ts";
import { networkOptions, openNetwork } from "../network.ts";
import { isSameFile, writeWhole } from "../wholeFile.ts";

export const explain: Command = {
  name: "explain",
  summary: "Draw where in a picture the network sees a class, as a PNG.",
  usage: "[options] PICTURE",
  options: {
    ...networkOptions,
    class: { type: "string", short: "c", value: "NAME", help: "label or index; the most likely class by default" },
    out: { type: "string", short: "o", value: "FILE", help: "where to write it; PICTURE-explained.png by default" },
  },
  examples: ["resnet-ts explain cat.jpg --class dog --out dog.png"],
  async run(values, [picture, ...more]) {
    if (picture === undefined || more.length > 0) throw new UsageError("explain needs one picture");
    const name = text(values, "class");
    const base = /^data:/i.test(picture) ? "picture" : basename(picture, extname(picture));
    const out = text(values, "out") ?? `${base}-explained.png`;
    if (isSameFile(picture, out)) throw new UsageError(`--out is the picture itself, ${picture}: give another name`);
    if (/^\.(?:jpe?g|gif|webp|bmp|tiff?|avif)$/i.test(extname(out)))
      throw new UsageError(`explain writes a PNG, but --out ends in ${extname(out)}: name it .png`);
    await start(values);
    const classifier = await openNetwork(values);
    const wanted = name === undefined ? {} : { class: /^\d+$/.test(name) ? Number(name) : name };
    const found = await classifier.explain(picture, wanted);
    await writeWhole(out, [await found.png()]);
    classifier.dispose();
    if (values.json) {
      console.log(
        JSON.stringify({ file: picture, model: classifier.model, class: found.index, label: found.label, out }),
      );
    } else console.log(`${out}: where ${found.label} is`);
    return 0;
  },
};
