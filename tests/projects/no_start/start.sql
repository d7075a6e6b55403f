-- as pg_dump --schema-only writes it
\restrict aVeryLongToken
SET client_min_messages = warning;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE TABLE public.customer (
    id integer NOT NULL,
    name character varying(100) NOT NULL
);
CREATE SEQUENCE public.customer_id_seq AS integer OWNED BY public.customer.id;
ALTER TABLE ONLY public.customer ALTER COLUMN id SET DEFAULT nextval('public.customer_id_seq'::regclass);
ALTER TABLE ONLY public.customer ADD CONSTRAINT customer_pkey PRIMARY KEY (id);
\unrestrict aVeryLongToken
