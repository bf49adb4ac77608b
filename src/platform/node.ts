export { openFile } from "./nodeFiles.ts";
export { listFolder } from "./nodeFolders.ts";
