import { serve } from "../serve.ts";
import { owner } from "./owner.ts";

serve(owner());
