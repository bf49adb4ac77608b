export { openFile } from "./nodeFiles.ts";
