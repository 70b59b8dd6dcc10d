# One image for all services; the command selects which: `node dist/apps/<service>/src/main.js`.

FROM node:24-trixie-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools/node-runtime/package.json tools/node-runtime/
# Neither Node nor PostgreSQL is to come from npm here, so no optional packages; scripts would look for that Node.
ENV npm_config_ignore_scripts=true

FROM manifests AS build
RUN npm ci --omit=optional
COPY tsconfig.json tsconfig.build.json ./
COPY tools tools
COPY libs libs
COPY apps apps
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json && rm -rf dist/tools dist/libs/*/testing dist/.tsbuildinfo

# Types and other module systems' copies are never read at run time.
FROM manifests AS production
RUN npm ci --omit=dev --omit=optional && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.md' \) -delete

FROM node:24-trixie-slim
WORKDIR /app
# /data is what a volume is mounted on; all else is read only.
RUN mkdir /data && chown node:node /data
COPY package.json ./
COPY docker/healthy.sh /usr/local/bin/healthy
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/dist dist
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps HOST=0.0.0.0
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
ENTRYPOINT ["node"]
CMD ["dist/apps/order/src/main.js"]
