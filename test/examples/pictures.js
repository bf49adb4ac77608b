/**
 * What the examples and the guides' snippets read, written into the working folder by the packed library itself:
 * `pictures/{train,test}/{rows,columns}/*.png` (stripes of two directions, 32x32), `photo.png` and weights.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cifarResnet20, encodePng, init, manualSeed, rand, saveSafetensors, toImage } from "resnet-ts";

const side = 32;

await init();
manualSeed(1);
const random = rand([4000]).dataSync();
let drawn = 0;

/** Stripes of a random width and colour, with a little noise. */
function stripes(direction) {
  const [width, r, g, b] = random.subarray(drawn, drawn + 4);
  drawn += 4;
  const period = 3 + Math.floor(5 * width);
  const data = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const lit = Math.floor((direction === "rows" ? y : x) / period) % 2;
      const noise = ((x * 7 + y * 13 + drawn) % 11) * 3;
      for (const [c, tone] of [r, g, b].entries()) data[(y * side + x) * 3 + c] = noise + (lit ? 80 + 140 * tone : 20);
    }
  }
  return { data, width: side, height: side, channels: 3 };
}

for (const [split, count] of [
  ["train", 24],
  ["test", 8],
]) {
  for (const direction of ["rows", "columns"]) {
    const folder = `pictures/${split}/${direction}`;
    mkdirSync(folder, { recursive: true });
    for (let i = 0; i < count; i++) writeFileSync(`${folder}/${i}.png`, await encodePng(stripes(direction)));
  }
}
writeFileSync("photo.png", await encodePng(await toImage("photo.jpg")));
manualSeed(0);
writeFileSync("cifar.safetensors", saveSafetensors(cifarResnet20().stateDict()));
