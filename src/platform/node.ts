export { cacheStore, createSha256, environment } from "./nodeCache.ts";
export { openFile } from "./nodeFiles.ts";
export { listFolder } from "./nodeFolders.ts";
export { requestGpu } from "./nodeGpu.ts";
export { hdf5Library } from "./nodeHdf5.ts";
export { inflate } from "./nodeInflate.ts";
export { httpFetch } from "./nodeProxy.ts";
export { writeFileAtomic } from "./nodeWrite.ts";
