declare module "*.css";

/** What Vite puts there. */
interface ImportMeta {
  readonly env: { readonly PROD: boolean };
}
