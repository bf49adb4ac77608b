// The entry of the binaries with shared memory: everything in index.ts, and the team.
export * from "./index";
export { fail, quit, runTeam, work } from "./team";
