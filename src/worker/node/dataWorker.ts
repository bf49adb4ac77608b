import { serveData } from "../data/host.ts";
import { owner } from "./owner.ts";

serveData(owner());
