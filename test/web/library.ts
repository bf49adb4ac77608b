// What test pages load: the library under one name, for functions that tests send into the page.
import * as library from "../../src/index.ts";

declare global {
  var resnet: typeof import("../../src/index.ts");
}

globalThis.resnet = library;
