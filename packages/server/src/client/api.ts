// Made by scripts/client.ts from the document of the API; do not edit.
/** The paths of the API, with what each takes and gives. */
export interface paths {
    "/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is logged in, and what the session may do */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The session */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Session"];
                    };
                };
                /** No valid key or session */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Log in: exchange the token of a key for a session
         * The response sets a cookie (HttpOnly, SameSite=Strict). Requests with it may do what the key may; those that change something need the header `x-mb-request`.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /**
                         * True: the session changes nothing, whatever the key may do.
                         * @default false
                         */
                        readOnly?: boolean;
                    };
                };
            };
            responses: {
                /** The session */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Session"];
                    };
                };
                /** No valid key or session */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /** Log out */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The session is over */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** No valid key or session */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who changed what, the latest first
         * Every request that changes something, but for the acceptance of messages. Entries are kept for a year, at most 100,000. A page may be short, even empty, while `next` says that there is more.
         */
        get: {
            parameters: {
                query?: {
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["AuditEntry"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole log as CSV */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The log */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/csv": string;
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Messages, the latest first
         * A page may be short, even empty, while `next` says that there is more.
         */
        get: {
            parameters: {
                query?: {
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                    /** A part of the return path or of a recipient, in any case. */
                    search?: string;
                    /** With this recipient. */
                    recipient?: string;
                    /** With this return path. */
                    sender?: string;
                    /** With a recipient in this domain. */
                    domain?: string;
                    /** With a recipient in this state. */
                    state?: "queued" | "held" | "unknown" | "delivered" | "failed" | "expired" | "cancelled";
                    tenant?: string;
                    tag?: string;
                    acceptedFrom?: string;
                    acceptedBefore?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["MessageSummary"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Accept a message
         * Answers 202 when the message is durable. The same Idempotency-Key with the same message gives the same id again.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    "idempotency-key"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Message"];
                    "multipart/form-data": {
                        message: components["schemas"]["Message"];
                    };
                    "message/rfc822": string;
                };
            };
            responses: {
                /** The message is durable */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Accepted"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept up to 1,000 messages
         * Each message has a result of its own, in order; one that is refused does not keep the others out.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Batch"];
                };
            };
            responses: {
                /** A result for each message */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            results: components["schemas"]["BatchResult"][];
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/templated": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept one message for each of up to 1,000 recipients, with values of their own
         * Gaps such as `{{name}}` or `{{name|friend}}` may be in the subject, text, HTML, header fields and unsubscribe links; values are escaped for where they go. Each recipient has a result, in order; a value that is missing is an error of its recipient.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["TemplatedMessages"];
                };
            };
            responses: {
                /** A result for each recipient */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            results: components["schemas"]["BatchResult"][];
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened to a message and its recipients, oldest first
         * A page may be empty while `next` says that there is more.
         */
        get: {
            parameters: {
                query?: {
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                };
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Event"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A message with its recipients */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The message */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["QueuedMessage"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The octets of a message as they are queued */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The message */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "message/rfc822": string;
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/hold": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Hold the recipients of a message */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** How many recipients changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            changed: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Release the recipients of a message */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** How many recipients changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            changed: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Cancel the recipients of a message */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** How many recipients changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            changed: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Retry the recipients of a message */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** How many recipients changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            changed: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a message again to some of its recipients
         * Accepts a new message with the same octets, return path, tenant and tag, while the content is kept. Recipients that wait are refused with 409: retry them instead. The Message-ID is that of the first message, so a server that has it already may drop the second.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    "idempotency-key"?: string;
                };
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Resend"];
                };
            };
            responses: {
                /** The new message is durable */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Accepted"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A message as a person would see it, without its HTML */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The message */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Preview"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/messages/{id}/html": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The HTML of a message, for a frame
         * The policy of the response forbids scripts, forms and loading; pictures of the message are embedded.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The HTML */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/html": string;
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/recipients": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Recipients that the conditions choose */
        get: {
            parameters: {
                query?: {
                    messageId?: string;
                    tenant?: string;
                    tag?: string;
                    destination?: string;
                    domain?: string;
                    state?: "queued" | "held" | "unknown" | "delivered" | "failed" | "expired" | "cancelled";
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page; it may be short while `next` is there */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Recipient"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/recipients/count": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many recipients the conditions choose
         * A call counts a part of the queue: while the answer has `next`, give it as `after` and add the counts. Without conditions the whole queue is counted, or all of the tenant.
         */
        get: {
            parameters: {
                query?: {
                    messageId?: string;
                    tenant?: string;
                    tag?: string;
                    destination?: string;
                    domain?: string;
                    state?: "queued" | "held" | "unknown" | "delivered" | "failed" | "expired" | "cancelled";
                    /** `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The count of a part */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RecipientCount"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/recipients/hold": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hold recipients
         * At least one condition, or `{"all": true}`.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Selector"];
                };
            };
            responses: {
                /** How many recipients changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            changed: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/recipients/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Release recipients
         * At least one condition, or `{"all": true}`.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Selector"];
                };
            };
            responses: {
                /** How many recipients changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            changed: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/recipients/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel recipients
         * At least one condition, or `{"all": true}`.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Selector"];
                };
            };
            responses: {
                /** How many recipients changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            changed: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/recipients/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry recipients
         * At least one condition, or `{"all": true}`.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Selector"];
                };
            };
            responses: {
                /** How many recipients changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            changed: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events after a cursor, oldest first
         * Without `after` it begins with the oldest event that is kept. `next` is always present: give it as `after` in a later request to continue.
         */
        get: {
            parameters: {
                query?: {
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                    /** Only these, such as `delivered,failed`. */
                    types?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page; it may be empty while there is more */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Event"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events as they happen
         * Server-sent events; the id of each is its cursor, and Last-Event-ID resumes after it.
         */
        get: {
            parameters: {
                query?: {
                    /** `next` of the page before. */
                    after?: string;
                    /** Only these, such as `delivered,failed`. */
                    types?: string;
                };
                header?: {
                    "last-event-id"?: string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The stream */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/event-stream": components["schemas"]["Event"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/suppressions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Addresses that get no mail */
        get: {
            parameters: {
                query?: {
                    tenant?: string;
                    /** Only this address. */
                    address?: string;
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Suppression"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Add addresses
         * An address that is on the list keeps its first entry. All entries are added, or none.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        tenant?: string;
                        entries: {
                            address: string;
                            /**
                             * @default operator
                             * @enum {string}
                             */
                            reason?: "bad-mailbox" | "complaint" | "operator";
                        }[];
                    };
                };
            };
            responses: {
                /** How many entries were taken */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            entries: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/suppressions/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole list as CSV */
        get: {
            parameters: {
                query?: {
                    tenant?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The list */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/csv": string;
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/suppressions/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add the addresses of a CSV file
         * As the export writes it: a heading, then `address` and, if the heading names it, `reason`; other columns are ignored. The whole file is checked first: when a line is wrong, nothing is added.
         */
        post: {
            parameters: {
                query?: {
                    tenant?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "text/csv": string;
                };
            };
            responses: {
                /** How many entries were taken */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            entries: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/suppressions/{address}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take an address off the list */
        delete: {
            parameters: {
                query?: {
                    tenant?: string;
                };
                header?: never;
                path: {
                    address: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** It is off the list */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/destinations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Destinations with mail waiting, connections open, or suspended
         * Most recipients first, at most 1,000.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The destinations */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Destination"][];
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/destinations/{destination}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One destination */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** A domain, or a destination as the list names it. */
                    destination: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The destination */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Destination"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Suspend, resume, pause or limit a destination
         * Fields that are left out keep their values. `suspended: false` also ends every pause.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** A domain, or a destination as the list names it. */
                    destination: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["DestinationSettings"];
                };
            };
            responses: {
                /** The settings apply from now on */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/v1/destinations/{destination}/replies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The latest outcomes of recipients that wait there, by rule
         * Of at most 1,000 recipients that wait; the most frequent first.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** A domain, or a destination as the list names it. */
                    destination: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The groups */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["DestinationReply"][];
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reply-rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Rules of replies that workers try first */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The rules */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ReplyRules"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /**
         * Replace the rules of replies
         * All workers follow within seconds. With an empty list only the rules of the workers apply.
         */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewReplyRules"];
                };
            };
            responses: {
                /** The rules as they are now */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ReplyRules"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All keys */
        get: {
            parameters: {
                query?: {
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["ApiKey"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Make a key
         * A key of one tenant makes keys of its own tenant only, with no scope, sender domain, lifetime or rate beyond its own.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** For people: which program has the key. */
                        name: string;
                        scopes: ("send" | "read" | "content" | "operate" | "admin")[];
                        /** Whose mail it sees and sends. Default: that of all tenants. */
                        tenant?: string;
                        /** Domains that authors and return paths may have. Default: any. */
                        senderDomains?: string[];
                        /**
                         * Format: date-time
                         * Default: never.
                         */
                        expiresAt?: string;
                        /** Default: 6,000. */
                        requestsPerMinute?: number;
                    };
                };
            };
            responses: {
                /** The key, with its token */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["CreatedApiKey"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a key
         * It ends here at once, and on other servers within a second.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** It is revoked */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Webhooks with their status */
        get: {
            parameters: {
                query?: {
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page; it may be short while there is more */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Webhook"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Add a webhook
         * It is notified of what happens from now on. Calls are signed as Standard Webhooks; the secret is shown once. A host with an address that is not public is refused unless the operator permits it.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewWebhook"];
                };
            };
            responses: {
                /** The webhook, with its secret */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["WebhookWithSecret"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One webhook */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The webhook */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Webhook"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Remove a webhook with all that waits for it */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** It is removed */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /**
         * Change a webhook
         * Fields that are left out keep their values; `null` removes a part of the filter. A webhook that is enabled again continues where it stopped.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["WebhookChanges"];
                };
            };
            responses: {
                /** The webhook */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Webhook"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/v1/webhooks/{id}/rotate-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a webhook another secret
         * Until the overlap ends, calls are signed with both secrets.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SecretRotation"];
                };
            };
            responses: {
                /** The webhook, with its new secret */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["WebhookWithSecret"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Call a webhook once with an event of type `test` */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The result of the call */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["WebhookAttempt"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}/attempts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The latest calls of a webhook, the newest first
         * At most 100 are kept.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The calls */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["WebhookAttempt"][];
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Events that could not be delivered, the oldest first */
        get: {
            parameters: {
                query?: {
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                };
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["DeadLetter"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deliver dead letters again
         * Chosen by their ids, or by the time of their events, from `from` to `to`.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Replay"];
                };
            };
            responses: {
                /** How many */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            replayed: number;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/domains": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Domains that mail is sent as */
        get: {
            parameters: {
                query?: {
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page; it may be short while there is more */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Domain"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Add a domain
         * Its first keys are made. Mail of the domain waits until every authoritative server has their records.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewDomain"];
                };
            };
            responses: {
                /** The domain, with the records to publish */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Domain"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/domains/{domain}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A domain with its keys, and the records to publish */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    domain: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The domain */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Domain"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Remove a domain with its keys */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    domain: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** It is removed */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /**
         * Change the settings of a domain
         * Fields that are left out keep their values; `null` restores the default.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    domain: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["DomainChanges"];
                };
            };
            responses: {
                /** The domain, with the records to publish */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Domain"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/v1/domains/{domain}/mta-sts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The file that belongs to the _mta-sts record of a domain */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    domain: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The file, and where it belongs */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["MtaStsPolicy"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/domains/{domain}/zone": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The records to publish, as lines of a zone file */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    domain: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The lines */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/plain": string;
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/domains/{domain}/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask all authoritative servers for the records of a domain, and advance its keys */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    domain: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** What they say */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["DomainCheck"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/domains/{domain}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make the next keys of a domain
         * They sign when every authoritative server has had their records for long enough. The old ones must stay published for another week.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    domain: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The domain, with the records to publish */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Domain"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/domains/{domain}/keys/{selector}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a key, with the keys that were made together with it
         * Removes a key that does not sign yet, which ends the rotation, or one that is no longer needed.
         */
        delete: {
            parameters: {
                query?: {
                    /** Also remove a key that is retiring: mail on its way may then fail to verify. */
                    force?: "true" | "false";
                };
                header?: never;
                path: {
                    domain: string;
                    selector: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The domain */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Domain"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All rules that are watched, with their state */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The rules */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Alert"][];
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/alerts/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send an alert that is named `test` to all recipients of alerts */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** Who was told */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["AlertTest"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What delivery of a message would do, without a connection to any mail host */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            responses: {
                /** Groups, routes, hosts, TLS policies and signatures */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            [key: string]: unknown;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/explain-reply": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Which rule fits a reply of a mail host, and what follows
         * Uses the rules of `/v1/reply-rules`, then those of the broker.
         */
        get: {
            parameters: {
                query: {
                    reply: string;
                    /** Name of the mail exchanger. */
                    host?: string;
                    /** Default `rcpt`. */
                    stage?: "connect" | "greeting" | "ehlo" | "helo" | "starttls" | "tls" | "auth" | "idle" | "mail" | "rcpt" | "data" | "chunk" | "content" | "final";
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The rule, and what follows */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            [key: string]: unknown;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened, by minute, quarter of an hour or day
         * Minutes are kept for two hours, quarter-hours for seven days, days for two years. Counts are at most a few seconds behind.
         */
        get: {
            parameters: {
                query?: {
                    resolution?: "minute" | "quarter-hour" | "day";
                    /** Default: an hour ago, a day or 30 days, by the resolution. */
                    from?: string;
                    /** Default: now. */
                    to?: string;
                    tenant?: string;
                    /** Of the recipients; for keys of all tenants, without `tenant`. */
                    domain?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The series */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Stats"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * DMARC and TLS reports, those about the latest span first
         * Kept for 90 days, at most 10,000. Reports are not verified. A page may be short, even empty, while `next` says that there is more.
         */
        get: {
            parameters: {
                query?: {
                    kind?: "dmarc" | "tls";
                    domain?: string;
                    /** `next` of the page before. */
                    after?: string;
                    /** Default 100. */
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** A page */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Report"][];
                            /** Give it as `after` for the next page; absent on the last. */
                            next?: string;
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Store a DMARC or TLS report that was received in another way
         * The body is the message that contained it, as message/rfc822, or the report itself with any other type: XML or JSON, plain or in gzip or zip. A report that is posted twice is kept once.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "message/rfc822": string;
                    "application/gzip": string;
                    "application/zip": string;
                };
            };
            responses: {
                /** What is kept */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            data: components["schemas"]["Report"][];
                        };
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reports/own-tls": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How TLS went in our own sessions, by domain, host and kind of failure
         * Counted by every process that runs the server with a worker, by days, and kept for 90 days. With `no-policy-found` the mail went out all the same.
         */
        get: {
            parameters: {
                query?: {
                    /** Default 30. */
                    days?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The sums */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OwnTlsTotals"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reports/totals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sources that use our domains, and TLS failures, summed up by domain */
        get: {
            parameters: {
                query?: {
                    /** Default 30. */
                    days?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The sums */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ReportTotals"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reports/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One report */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The report */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Report"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Check DKIM, SPF and DMARC of a message, and what large receivers ask for
         * The body is the message. Nothing is sent or kept.
         */
        post: {
            parameters: {
                query?: {
                    /** Address that the message came from. Default: SPF is not checked. */
                    ip?: string;
                    /** Return path; empty, the default: the null one. */
                    sender?: string;
                    /** What the client said in EHLO. */
                    helo?: string;
                    /** Mail that is not sent in bulk needs no unsubscribe link. */
                    transactional?: "true" | "false";
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "message/rfc822": string;
                };
            };
            responses: {
                /** What was found */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Verification"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The queue at a glance, and what is wrong now */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** The queue */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Health"];
                    };
                };
                /** No key, or a wrong one */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The key may not do this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** There is no such object, or it is another tenant's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** The request is not valid; `errors` names the places */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Too many requests; see Retry-After */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** Overloaded, or the queue cannot be used; see Retry-After */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
/** The schemas that the paths share. */
export interface components {
    schemas: {
        Session: {
            key: {
                id: string;
                name: string;
                tenant?: string;
                /** What the session may do. */
                scopes: string[];
            };
            readOnly: boolean;
            /** Format: date-time */
            expiresAt: string;
        };
        Problem: {
            type: string;
            title: string;
            status: number;
            detail: string;
            /** Match on this. */
            code: string;
            errors?: {
                path: string;
                message: string;
            }[];
        };
        AuditEntry: {
            id: string;
            /** Format: date-time */
            at: string;
            keyId: string;
            keyName: string;
            tenant?: string;
            /** Whether a browser sent it, with a session. */
            session: boolean;
            address?: string;
            method: string;
            path: string;
            details?: Record<string, never>;
            /** Of the response. Absent: the server ended before there was one. */
            status?: number;
        };
        Accepted: {
            /** Absent when every recipient is suppressed. */
            id?: string;
            duplicate: boolean;
            recipients: {
                recipient: string;
                /** @enum {string} */
                status: "queued" | "failed";
                reason?: string;
            }[];
            warnings: {
                code: string;
                message: string;
            }[];
        };
        Message: {
            from: string | {
                name?: string;
                address: string;
            } | (string | {
                name?: string;
                address: string;
            })[];
            to?: string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            } | (string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            })[];
            cc?: string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            } | (string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            })[];
            bcc?: string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            } | (string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            })[];
            replyTo?: string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            } | (string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            })[];
            /** One mailbox: `Ann <ann@example.com>`, or `{ name, address }`. */
            sender?: string | {
                name?: string;
                address: string;
            };
            subject?: string;
            text?: string;
            html?: string;
            alternatives?: {
                contentType: string;
                content: string;
            }[];
            attachments?: components["schemas"]["Attachment"][];
            headers?: {
                [key: string]: string | string[];
            };
            messageId?: string;
            inReplyTo?: string | string[];
            references?: string | string[];
            /** Format: date-time */
            date?: string;
            list?: {
                id?: string | {
                    name?: string;
                    id: string;
                };
                unsubscribe?: string | string[];
                oneClick?: boolean;
                help?: string;
                subscribe?: string;
                post?: string;
                owner?: string;
                archive?: string;
            };
            /** @enum {string} */
            autoSubmitted?: "no" | "auto-generated" | "auto-replied" | "auto-notified";
            /** @enum {string} */
            precedence?: "bulk" | "list" | "junk";
            /** @enum {string} */
            priority?: "high" | "normal" | "low";
            feedbackId?: string;
            /** @enum {string} */
            addresses?: "strict" | "as-received";
            envelope?: {
                from?: string;
                to?: string[];
            };
            /** Only for keys of all tenants. */
            tenant?: string;
            /** A word by which messages can be selected later. */
            tag?: string;
            /**
             * Format: date-time
             * Nothing is attempted before.
             */
            notBefore?: string;
            delivery?: {
                /** Only over verified TLS (RFC 8689). */
                requireTls?: boolean;
                /** @enum {string} */
                sign?: "attempt" | "enqueue";
                /** Default: five days. */
                expireAfterMs?: number;
                delayNoticeAfterMs?: number | null;
                /** @enum {string} */
                onUnknown?: "retry" | "hold" | "report";
                notify?: "never" | ("success" | "failure" | "delay")[];
                /** @enum {string} */
                ret?: "full" | "headers";
                envid?: string;
            };
        };
        Attachment: {
            filename?: string;
            /** The octets in base64. */
            content: string;
            /** Default: by the ending of the file name. */
            contentType?: string;
            /** For `cid:` links from the HTML. */
            contentId?: string;
            /** @enum {string} */
            disposition?: "attachment" | "inline";
            headers?: {
                [key: string]: string | string[];
            };
        };
        BatchResult: components["schemas"]["Accepted"] | {
            error: components["schemas"]["Problem"];
        };
        Batch: {
            messages: components["schemas"]["BatchMessage"][];
        };
        BatchMessage: {
            from: string | {
                name?: string;
                address: string;
            } | (string | {
                name?: string;
                address: string;
            })[];
            to?: string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            } | (string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            })[];
            cc?: string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            } | (string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            })[];
            bcc?: string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            } | (string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            })[];
            replyTo?: string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            } | (string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            })[];
            /** One mailbox: `Ann <ann@example.com>`, or `{ name, address }`. */
            sender?: string | {
                name?: string;
                address: string;
            };
            subject?: string;
            text?: string;
            html?: string;
            alternatives?: {
                contentType: string;
                content: string;
            }[];
            attachments?: components["schemas"]["Attachment"][];
            headers?: {
                [key: string]: string | string[];
            };
            messageId?: string;
            inReplyTo?: string | string[];
            references?: string | string[];
            /** Format: date-time */
            date?: string;
            list?: {
                id?: string | {
                    name?: string;
                    id: string;
                };
                unsubscribe?: string | string[];
                oneClick?: boolean;
                help?: string;
                subscribe?: string;
                post?: string;
                owner?: string;
                archive?: string;
            };
            /** @enum {string} */
            autoSubmitted?: "no" | "auto-generated" | "auto-replied" | "auto-notified";
            /** @enum {string} */
            precedence?: "bulk" | "list" | "junk";
            /** @enum {string} */
            priority?: "high" | "normal" | "low";
            feedbackId?: string;
            /** @enum {string} */
            addresses?: "strict" | "as-received";
            envelope?: {
                from?: string;
                to?: string[];
            };
            /** Only for keys of all tenants. */
            tenant?: string;
            /** A word by which messages can be selected later. */
            tag?: string;
            /**
             * Format: date-time
             * Nothing is attempted before.
             */
            notBefore?: string;
            delivery?: {
                /** Only over verified TLS (RFC 8689). */
                requireTls?: boolean;
                /** @enum {string} */
                sign?: "attempt" | "enqueue";
                /** Default: five days. */
                expireAfterMs?: number;
                delayNoticeAfterMs?: number | null;
                /** @enum {string} */
                onUnknown?: "retry" | "hold" | "report";
                notify?: "never" | ("success" | "failure" | "delay")[];
                /** @enum {string} */
                ret?: "full" | "headers";
                envid?: string;
            };
            idempotencyKey?: string;
        };
        TemplatedMessages: {
            template: components["schemas"]["Template"];
            recipients: {
                /** One mailbox: `Ann <ann@example.com>`, or `{ name, address }`. */
                to: string | {
                    name?: string;
                    address: string;
                };
                /**
                 * By the name of the gap, in either case.
                 * @default {}
                 */
                values: {
                    [key: string]: string | number | null;
                };
                idempotencyKey?: string;
            }[];
            /** Only for keys of all tenants. */
            tenant?: string;
            /** A word by which messages can be selected later. */
            tag?: string;
            /**
             * Format: date-time
             * Nothing is attempted before.
             */
            notBefore?: string;
            delivery?: {
                /** Only over verified TLS (RFC 8689). */
                requireTls?: boolean;
                /** @enum {string} */
                sign?: "attempt" | "enqueue";
                /** Default: five days. */
                expireAfterMs?: number;
                delayNoticeAfterMs?: number | null;
                /** @enum {string} */
                onUnknown?: "retry" | "hold" | "report";
                notify?: "never" | ("success" | "failure" | "delay")[];
                /** @enum {string} */
                ret?: "full" | "headers";
                envid?: string;
            };
        };
        Template: {
            from: string | {
                name?: string;
                address: string;
            } | (string | {
                name?: string;
                address: string;
            })[];
            replyTo?: string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            } | (string | {
                name?: string;
                address: string;
            } | {
                name: string;
                members: (string | {
                    name?: string;
                    address: string;
                })[];
            })[];
            /** One mailbox: `Ann <ann@example.com>`, or `{ name, address }`. */
            sender?: string | {
                name?: string;
                address: string;
            };
            subject?: string;
            text?: string;
            html?: string;
            alternatives?: {
                contentType: string;
                content: string;
            }[];
            attachments?: components["schemas"]["Attachment"][];
            headers?: {
                [key: string]: string | string[];
            };
            messageId?: string;
            inReplyTo?: string | string[];
            references?: string | string[];
            /** Format: date-time */
            date?: string;
            list?: {
                id?: string | {
                    name?: string;
                    id: string;
                };
                unsubscribe?: string | string[];
                oneClick?: boolean;
                help?: string;
                subscribe?: string;
                post?: string;
                owner?: string;
                archive?: string;
            };
            /** @enum {string} */
            autoSubmitted?: "no" | "auto-generated" | "auto-replied" | "auto-notified";
            /** @enum {string} */
            precedence?: "bulk" | "list" | "junk";
            /** @enum {string} */
            priority?: "high" | "normal" | "low";
            feedbackId?: string;
            /** @enum {string} */
            addresses?: "strict" | "as-received";
        };
        MessageSummary: {
            id: string;
            sender: string;
            firstRecipient: string;
            /** How many there are. */
            recipients: number;
            /** How many recipients are in each state. */
            states: {
                queued?: number;
                held?: number;
                unknown?: number;
                delivered?: number;
                failed?: number;
                expired?: number;
                cancelled?: number;
            };
            tenant?: string;
            tag?: string;
            sizeBytes: number;
            /** Format: date-time */
            acceptedAt: string;
            /** Format: date-time */
            expiresAt: string;
        };
        Event: {
            cursor: string;
            type: string;
            /** Format: date-time */
            at: string;
            messageId: string;
            tenant?: string;
            tag?: string;
            recipientId?: string;
            address?: string;
            attempt: number;
            /** Format: date-time */
            nextAttemptAt?: string;
            detail?: Record<string, never>;
        };
        QueuedMessage: {
            id: string;
            sender: string;
            tenant?: string;
            tag?: string;
            sizeBytes: number;
            /** Format: date-time */
            acceptedAt: string;
            /** Format: date-time */
            expiresAt: string;
            /** Whether its content can be read, previewed and sent again. It is deleted with the last outcome, unless the queue is told to keep it. */
            hasContent: boolean;
            recipients: components["schemas"]["Recipient"][];
        };
        Recipient: {
            id: string;
            messageId: string;
            address: string;
            domain: string;
            destination: string;
            tenant?: string;
            tag?: string;
            /** @enum {string} */
            state: "queued" | "held" | "unknown" | "delivered" | "failed" | "expired" | "cancelled";
            inFlight: boolean;
            attempts: number;
            /** Format: date-time */
            nextAttemptAt?: string;
            /** Format: date-time */
            acceptedAt: string;
            /** Format: date-time */
            expiresAt: string;
            /** Format: date-time */
            finishedAt?: string;
            detail?: Record<string, never>;
        };
        Resend: {
            /** Addresses of recipients of the message, as it names them. */
            recipients: string[];
        };
        Preview: {
            subject?: string;
            from: string;
            to: string;
            cc: string;
            /** Format: date-time */
            date?: string;
            messageId?: string;
            /** At most 200,000 characters. */
            text?: string;
            /** Whether there is HTML; /html gives it. */
            html: boolean;
            attachments: {
                filename?: string;
                contentType: string;
                sizeBytes: number;
            }[];
            /** DKIM signatures that the message was accepted with. */
            signatures: {
                domain: string;
                selector: string;
            }[];
        };
        RecipientCount: {
            count: number;
            next?: string;
        };
        Selector: {
            messageId?: string;
            tenant?: string;
            tag?: string;
            destination?: string;
            domain?: string;
            /** @enum {string} */
            state?: "queued" | "held" | "unknown" | "delivered" | "failed" | "expired" | "cancelled";
            /**
             * The whole queue, or all of the tenant. Alone only.
             * @enum {boolean}
             */
            all?: true;
            /** Changes nothing and answers 409 when the conditions choose more recipients than this: what a person has confirmed. */
            atMost?: number;
        };
        Suppression: {
            address: string;
            /** @enum {string} */
            reason: "bad-mailbox" | "complaint" | "operator";
            tenant?: string;
            /** Format: date-time */
            since: string;
            detail?: Record<string, never>;
        };
        Destination: {
            destination: string;
            queued: number;
            connections: number;
            concurrency: number;
            suspended: boolean;
            /** Format: date-time */
            pausedUntil?: string;
            pauseReason?: string;
            note?: string;
            limits: Record<string, never>;
            learned: Record<string, never>;
            /** Format: date-time */
            oldestDueAt?: string;
        };
        DestinationSettings: {
            suspended?: boolean;
            note?: string;
            /** 0 ends a pause. */
            pauseMs?: number;
            /** `null` returns to the limits of all destinations. */
            limits?: {
                startConcurrency?: number;
                maxConcurrency?: number;
                rates?: {
                    count: number;
                    perMs: number;
                }[];
            } | null;
        };
        DestinationReply: {
            /** Id of the reply rule, or the category where none decided. */
            rule: string;
            category?: string;
            /** Recipients. */
            count: number;
            /** The latest reply or reason. */
            latest: string;
            /** Format: date-time */
            latestAt?: string;
            host?: string;
        };
        ReplyRules: {
            /** In the order in which they are tried. */
            rules: components["schemas"]["ReplyRule"][];
            /** Grows with each change; 0 when none were ever stored. */
            version: number;
        };
        ReplyRule: {
            /** Names the rule in outcomes; unique. */
            id: string;
            code?: number | ("4yz" | "5yz") | (number | ("4yz" | "5yz"))[];
            /** Such as `5.1.1`, `5.7.*`, or `none` for a reply without. */
            enhanced?: string | string[];
            stage?: ("connect" | "greeting" | "ehlo" | "helo" | "starttls" | "tls" | "auth" | "idle" | "mail" | "rcpt" | "data" | "chunk" | "content" | "final") | ("connect" | "greeting" | "ehlo" | "helo" | "starttls" | "tls" | "auth" | "idle" | "mail" | "rcpt" | "data" | "chunk" | "content" | "final")[];
            /** Phrases; `*` stands for any text. */
            text?: string | string[];
            /** Name of the mail exchanger: `mx.example.com`, or `*.example.com`. */
            host?: string | string[];
            relay?: boolean;
            shared?: boolean;
            /** @enum {string} */
            category: "bad-mailbox" | "bad-domain" | "mailbox-full" | "blocked" | "content" | "rate" | "temporary-host" | "protocol" | "tls-policy" | "local" | "unknown-reason";
            /** @enum {string} */
            scope: "recipient" | "message" | "sender" | "session" | "destination";
            /** @enum {string} */
            action: "suppress" | "fail" | "retry" | "delay" | "slow-down" | "pause" | "reconnect";
            afterMs?: number;
            source?: string;
        };
        NewReplyRules: {
            rules: components["schemas"]["ReplyRule"][];
            /** Replace only if they are still of this version; 409 otherwise. */
            version?: number;
        };
        CreatedApiKey: components["schemas"]["ApiKey"] & {
            /** What the client sends. Shown once. */
            token: string;
        };
        ApiKey: {
            id: string;
            name: string;
            scopes: string[];
            tenant?: string;
            senderDomains?: string[];
            requestsPerMinute?: number;
            /** Format: date-time */
            createdAt: string;
            expiresAt?: string;
            lastUsedAt?: string;
        };
        Webhook: {
            id: string;
            url: string;
            description?: string;
            enabled: boolean;
            disabledReason?: string;
            types?: ("accepted" | "attempted" | "returned" | "delivered" | "deferred" | "delayed" | "failed" | "bounced" | "complained" | "unreported" | "expired" | "cancelled" | "held" | "released" | "unknown" | "alert-fired" | "alert-recovered" | "test")[];
            tenant?: string;
            tags?: string[];
            domains?: string[];
            /** Format: date-time */
            createdAt: string;
            secrets: {
                /** Format: date-time */
                createdAt: string;
                /** Format: date-time */
                expiresAt?: string;
            }[];
            status?: components["schemas"]["WebhookStatus"];
        };
        WebhookStatus: {
            /** Whether a process delivers to it. */
            delivering: boolean;
            /** Calls that succeeded. */
            delivered: number;
            /** Calls that failed. */
            failed: number;
            /** Events that wait for another attempt. */
            waiting: number;
            /** Events that were given up; 1000 stands for more. */
            deadLetters: number;
            /** Age of the oldest event that it has not taken; 0 when there is none. Grows while no process delivers. */
            lagMs: number;
            /**
             * Format: date-time
             * Up to when all events were handed over at least once.
             */
            upTo?: string;
            /** Format: date-time */
            lastSuccessAt?: string;
            /** Format: date-time */
            lastFailureAt?: string;
            lastError?: string;
            /** Format: date-time */
            failingSince?: string;
        };
        WebhookWithSecret: components["schemas"]["Webhook"] & {
            /** What calls are verified with. Shown once. */
            secret: string;
        };
        NewWebhook: {
            /** Where events are posted. */
            url: string;
            description?: string;
            /** Default true. */
            enabled?: boolean;
            /** `whsec_` and 24 to 64 octets in base64. Default: a new one. */
            secret?: string;
            /** Default: all. */
            types?: ("accepted" | "attempted" | "returned" | "delivered" | "deferred" | "delayed" | "failed" | "bounced" | "complained" | "unreported" | "expired" | "cancelled" | "held" | "released" | "unknown" | "alert-fired" | "alert-recovered" | "test")[];
            /** Only events of this tenant. Default: of all that the key may see. */
            tenant?: string;
            /** Only messages with one of these tags. */
            tags?: string[];
            /** Only recipients at one of these domains. */
            domains?: string[];
        };
        WebhookChanges: {
            /** Where events are posted. */
            url?: string;
            description?: string | null;
            enabled?: boolean;
            /** Default: all. */
            types?: ("accepted" | "attempted" | "returned" | "delivered" | "deferred" | "delayed" | "failed" | "bounced" | "complained" | "unreported" | "expired" | "cancelled" | "held" | "released" | "unknown" | "alert-fired" | "alert-recovered" | "test")[] | null;
            /** Only events of this tenant. Default: of all that the key may see. */
            tenant?: string | null;
            /** Only messages with one of these tags. */
            tags?: string[] | null;
            /** Only recipients at one of these domains. */
            domains?: string[] | null;
        };
        SecretRotation: {
            /** `whsec_` and 24 to 64 octets in base64. Default: a new one. */
            secret?: string;
            /** For how long calls are signed with the old secret too. Default one day. */
            overlapMs?: number;
        };
        WebhookAttempt: {
            /** Format: date-time */
            at: string;
            eventId: string;
            /** @enum {string} */
            type: "accepted" | "attempted" | "returned" | "delivered" | "deferred" | "delayed" | "failed" | "bounced" | "complained" | "unreported" | "expired" | "cancelled" | "held" | "released" | "unknown" | "alert-fired" | "alert-recovered" | "test";
            messageId?: string;
            attempt: number;
            succeeded: boolean;
            status?: number;
            durationMs: number;
            error?: string;
            answer?: string;
        };
        DeadLetter: {
            id: string;
            eventId: string;
            /** @enum {string} */
            type: "accepted" | "attempted" | "returned" | "delivered" | "deferred" | "delayed" | "failed" | "bounced" | "complained" | "unreported" | "expired" | "cancelled" | "held" | "released" | "unknown" | "alert-fired" | "alert-recovered" | "test";
            /** Format: date-time */
            at: string;
            messageId?: string;
            data: Record<string, never>;
            attempts: number;
            /** Format: date-time */
            diedAt: string;
            error: string;
        };
        Replay: {
            ids?: string[];
            /** Format: date-time */
            from?: string;
            /** Format: date-time */
            to?: string;
        };
        Domain: {
            domain: string;
            /** Grows with each change, including changes of what was seen of its keys. */
            version: number;
            tenant?: string;
            hostname?: string;
            returnPath?: string;
            /** @enum {string} */
            tls?: "opportunistic" | "required" | "verified";
            /** Format: date-time */
            createdAt: string;
            /** Whether its mail can be signed. While it cannot, it waits. */
            ready: boolean;
            /** The next step, and who has to take it. */
            status: string;
            keys: components["schemas"]["DomainKey"][];
            /** What to publish, and what may go. */
            records: components["schemas"]["DomainRecord"][];
        };
        DomainKey: {
            selector: string;
            /** @enum {string} */
            algorithm: "rsa-sha256" | "ed25519-sha256";
            /** @enum {string} */
            state: "next" | "published" | "active" | "retiring" | "removable";
            /** Whether messages are signed with it now. */
            signs: boolean;
            /**
             * Format: date-time
             * Since when it has been in its state.
             */
            since: string;
            /**
             * Format: date-time
             * Until when a key that is retiring must stay published.
             */
            keepUntil?: string;
            /**
             * What the authoritative servers said at the last check.
             * @enum {string}
             */
            seen?: "seen" | "absent" | "different" | "contradictory" | "unknown";
            detail?: string;
            record: components["schemas"]["DomainRecord"];
        };
        DomainRecord: {
            /** @enum {string} */
            purpose: "dkim" | "spf" | "return-path" | "dmarc" | "mta-sts" | "tls-rpt";
            /**
             * `remove`: the record is no longer needed. `optional`: the value is a suggestion.
             * @enum {string}
             */
            need: "required" | "recommended" | "optional" | "remove";
            /** Owner name, without the final dot. */
            name: string;
            /** @enum {string} */
            type: "TXT" | "MX";
            /** A text in one piece, or preference and host. */
            value: string;
            note: string;
        };
        NewDomain: {
            /** The domain of From, and of those below it. */
            domain: string;
            /** Default: that of all tenants. */
            tenant?: string;
            /** The name in EHLO. Default: that of the service. */
            hostname?: string;
            /** A domain below it for return paths, such as bounces.example.com. */
            returnPath?: string;
            /** @enum {string} */
            tls?: "opportunistic" | "required" | "verified";
            /** Keys to make. Default: one of each. */
            algorithms?: ("rsa-sha256" | "ed25519-sha256")[];
            /** Keys that the domain has already, instead of new ones. The records under their selectors must be those of the keys. */
            keys?: {
                selector: string;
                /** In PEM, not encrypted. */
                privateKey: string;
            }[];
        };
        DomainChanges: {
            hostname?: string | null;
            /** Bounces to the previous one are no longer recognised. */
            returnPath?: string | null;
            /** @enum {string|null} */
            tls?: "opportunistic" | "required" | "verified" | null;
            tenant?: string | null;
            /** Only when the domain still has this version; else 409. */
            ifVersion?: number;
        };
        MtaStsPolicy: {
            /** The domain that bounces come to. */
            domain: string;
            /** Where senders look for the file. */
            url: string;
            /** The text of the file. Absent: the mail exchangers of the domain are not known. */
            policy?: string;
            detail: string;
        };
        DomainCheck: {
            /** Whether every record that is required is seen. */
            ok: boolean;
            domain: components["schemas"]["Domain"];
            records: components["schemas"]["CheckedRecord"][];
        };
        CheckedRecord: components["schemas"]["DomainRecord"] & {
            /** @enum {string} */
            status: "seen" | "missing" | "different" | "contradictory" | "unknown";
            /** The records that are there. */
            found: string[];
            detail: string;
            /** What to do. */
            fix?: string;
        };
        Alert: {
            /** @enum {string} */
            alert: "queue-age" | "bounce-rate" | "provider-blocked" | "throttled" | "port-blocked" | "resolver" | "key-unpublished" | "certificate-expiring" | "disk-full";
            /** The process or DKIM key that it is about. Absent: the queue as a whole. */
            name?: string;
            firing: boolean;
            /**
             * Format: date-time
             * When it fired or recovered last. Absent: never.
             */
            since?: string;
            /** What was wrong when it fired. */
            detail?: string;
            /**
             * Format: date-time
             * When it was checked last. Absent: it is not watched.
             */
            checkedAt?: string;
        };
        AlertTest: {
            /** How many webhooks will be called. */
            webhooks: number;
            webhook?: components["schemas"]["WebhookAttempt"] & unknown;
            /** The queue's id of the mail. */
            messageId?: string;
        };
        Stats: {
            /** @enum {string} */
            resolution: "minute" | "quarter-hour" | "day";
            points: {
                /** Format: date-time */
                start: string;
                counts: components["schemas"]["Counts"];
            }[];
            total: components["schemas"]["Counts"];
            /** By the recipients' domain, the busiest hundred; for keys of all tenants. */
            domains?: {
                [key: string]: components["schemas"]["Counts"];
            };
        };
        Counts: {
            accepted: number;
            delivered: number;
            deferred: number;
            failed: number;
            expired: number;
            unknown: number;
            bounced: number;
            complained: number;
            /** From acceptance to delivery; exact to 20 percent. Absent without deliveries. */
            timeToDelivery?: {
                p50Ms: number;
                p95Ms: number;
            };
        };
        Report: {
            id: string;
            /** Format: date-time */
            receivedAt: string;
            domain: string;
            /** Who reports, in its own words. */
            organization: string;
            reportId: string;
            /** Format: date-time */
            begin?: string;
            /** Format: date-time */
            end?: string;
            /** @enum {string} */
            kind: "dmarc";
            policy?: string;
            messages: number;
            aligned: number;
            sources: {
                ip: string;
                messages: number;
                /** Messages that passed DMARC. */
                aligned: number;
                dkimAligned: number;
                spfAligned: number;
                quarantined: number;
                rejected: number;
            }[];
            omittedSources: number;
        } | {
            id: string;
            /** Format: date-time */
            receivedAt: string;
            domain: string;
            /** Who reports, in its own words. */
            organization: string;
            reportId: string;
            /** Format: date-time */
            begin?: string;
            /** Format: date-time */
            end?: string;
            /** @enum {string} */
            kind: "tls";
            /** Sessions with TLS as the policy demands. */
            succeeded: number;
            failed: number;
            policyTypes: string[];
            failures: {
                /** RFC 8460 §4.3. */
                resultType: string;
                mx?: string;
                sessions: number;
            }[];
            omittedFailures: number;
        };
        OwnTlsTotals: {
            /** Format: date-time */
            since: string;
            /** Sessions with TLS as the policy demands. */
            succeeded: number;
            failed: number;
            /** Domains with failures, the most failures first. */
            domains: {
                domain: string;
                succeeded: number;
                failed: number;
                failures: {
                    /** RFC 8460 §4.3. */
                    resultType: string;
                    host: string;
                    /** RFC 8460 §4.4: `tlsa`, `sts` or `no-policy-found`. */
                    policy: string;
                    sessions: number;
                    /** The latest one, in a sentence. */
                    detail?: string;
                }[];
            }[];
        };
        ReportTotals: {
            /** Format: date-time */
            since: string;
            reports: number;
            /** False: there are more reports than are summed up. */
            complete: boolean;
            /** By domain, the most messages first. */
            dmarc: {
                domain: string;
                messages: number;
                aligned: number;
                /** The hundred with most messages. */
                sources: {
                    ip: string;
                    messages: number;
                    /** Messages that passed DMARC. */
                    aligned: number;
                    dkimAligned: number;
                    spfAligned: number;
                    quarantined: number;
                    rejected: number;
                }[];
            }[];
            /** By domain, the most failures first. */
            tls: {
                domain: string;
                succeeded: number;
                failed: number;
                failures: {
                    /** RFC 8460 §4.3. */
                    resultType: string;
                    mx?: string;
                    sessions: number;
                }[];
            }[];
        };
        Verification: {
            verdicts: {
                /** @enum {string} */
                method: "dkim" | "spf" | "dmarc";
                /** As RFC 8601 §2.7 names it. */
                result: string;
                detail: string;
            }[];
            author?: string;
            findings: {
                check: string;
                /** @enum {string} */
                severity: "error" | "warning" | "ok";
                message: string;
                fix?: string;
            }[];
        };
        Health: {
            queued: number;
            inFlight: number;
            held: number;
            unknown: number;
            /** Format: date-time */
            oldestDueAt?: string;
            running: boolean;
            /** Trouble of the service itself, in sentences. */
            troubles: string[];
            /** What is wrong now, the worst first, also with destinations and recipients. */
            findings: {
                /** @enum {string} */
                severity: "error" | "warning";
                text: string;
                /** What to do about it. */
                todo: string;
                destination?: string;
            }[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
