--
-- PostgreSQL database dump
--


-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: refuse_change(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is never changed';
END
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: book_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.book_state (
    key text NOT NULL,
    value text NOT NULL
)
WITH (fillfactor='60', autovacuum_vacuum_scale_factor='0.0', autovacuum_vacuum_threshold='20000', autovacuum_analyze_scale_factor='0.0', autovacuum_analyze_threshold='100000');


--
-- Name: TABLE book_state; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.book_state IS 'The fold of every message below stream_offset: JSON per key, owned by system.book';


--
-- Name: limit_event; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.limit_event (
    event_id bigint NOT NULL,
    kind text NOT NULL,
    portfolio text NOT NULL,
    measure text NOT NULL,
    level_before text NOT NULL,
    level_after text NOT NULL,
    value double precision NOT NULL,
    warning double precision NOT NULL,
    breach double precision NOT NULL,
    snapshot_id text NOT NULL,
    event_time_ns bigint NOT NULL,
    acknowledges bigint,
    actor text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT limit_event_check CHECK (((kind = 'acknowledged'::text) = (acknowledges IS NOT NULL))),
    CONSTRAINT limit_event_kind_check CHECK ((kind = ANY (ARRAY['level'::text, 'acknowledged'::text])))
);


--
-- Name: TABLE limit_event; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.limit_event IS 'The audit trail of limits: levels that the stream raised or left, in the transaction of their batch, and who has acknowledged them. Fractions of NAV. Never changed, never pruned';


--
-- Name: limit_event_event_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.limit_event ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.limit_event_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: rejected_message; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rejected_message (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    reason text NOT NULL,
    arrival bigint NOT NULL,
    payload text NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: TABLE rejected_message; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.rejected_message IS 'Messages that were not applied, once per place in Kafka; payload is the whole record as JSON';


--
-- Name: rejected_message_arrival_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.rejected_message ALTER COLUMN arrival ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rejected_message_arrival_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: risk_snapshot; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.risk_snapshot (
    snapshot_id text NOT NULL,
    portfolio text NOT NULL,
    kind text NOT NULL,
    fence bigint NOT NULL,
    epoch bigint NOT NULL,
    event_time_ns bigint NOT NULL,
    asof date,
    base_currency text NOT NULL,
    estimator text NOT NULL,
    confidence text NOT NULL,
    "window" integer NOT NULL,
    scenario_count integer NOT NULL,
    tail_rank integer NOT NULL,
    nav double precision NOT NULL,
    value double precision NOT NULL,
    var double precision,
    expected_shortfall double precision,
    var_fraction double precision,
    var_limit_fraction double precision NOT NULL,
    diversification double precision,
    scenario_date date,
    daily_pnl double precision,
    unrealised_pnl double precision NOT NULL,
    realised_pnl double precision NOT NULL,
    not_available text NOT NULL,
    inputs_hash text NOT NULL,
    previous_var double precision,
    hypothetical_pnl double precision,
    breach boolean,
    offsets jsonb NOT NULL,
    trade_ids text[] NOT NULL,
    instruments text[] NOT NULL,
    component_var double precision[] NOT NULL,
    pinned boolean NOT NULL,
    payload_bytes integer NOT NULL,
    payload text NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT risk_snapshot_kind_check CHECK ((kind = ANY (ARRAY['live'::text, 'end_of_day'::text])))
);
ALTER TABLE ONLY public.risk_snapshot ALTER COLUMN payload SET STORAGE EXTERNAL;


--
-- Name: TABLE risk_snapshot; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.risk_snapshot IS 'One row per snapshot, never changed. Bounded: above the byte budget of system.store.retention, rows that are not pinned are thinned to one per portfolio and minute, then dropped oldest first. Pinned for ever: end of day, trades, a limit crossed either way';


--
-- Name: COLUMN risk_snapshot.component_var; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.risk_snapshot.component_var IS 'Per entry of instruments; a loss, positive; NULL where it does not exist';


--
-- Name: COLUMN risk_snapshot.payload; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.risk_snapshot.payload IS 'The snapshot itself as JSON text, byte for byte; the other columns are taken from it';


--
-- Name: stream_fence; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.stream_fence (
    only_row boolean DEFAULT true NOT NULL,
    fence bigint NOT NULL,
    epoch bigint NOT NULL,
    committed_fence bigint NOT NULL,
    committed_epoch bigint NOT NULL,
    CONSTRAINT stream_fence_epoch_check CHECK ((epoch >= '-1'::integer)),
    CONSTRAINT stream_fence_fence_check CHECK ((fence >= 0)),
    CONSTRAINT stream_fence_only_row_check CHECK (only_row)
);


--
-- Name: TABLE stream_fence; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.stream_fence IS 'The driver that may write (fence), its last batch (epoch, -1 none yet) and the last batch ever';


--
-- Name: stream_offset; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.stream_offset (
    partition_key text NOT NULL,
    next_offset bigint NOT NULL,
    CONSTRAINT stream_offset_next_offset_check CHECK ((next_offset >= 0))
);


--
-- Name: TABLE stream_offset; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.stream_offset IS 'topic:partition, and its first offset that is not covered by book_state';


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0002');


--
-- Data for Name: book_state; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.book_state VALUES ('instrument:A', '{"type":"instrument","instrument":"A","asset_class":"equity","currency":"USD","multiplier":1.0,"name":"","option":null,"proxy":null,"return_type":"relative","exchange":null}');
INSERT INTO public.book_state VALUES ('instrument:B', '{"type":"instrument","instrument":"B","asset_class":"equity","currency":"EUR","multiplier":1.0,"name":"","option":null,"proxy":null,"return_type":"relative","exchange":null}');
INSERT INTO public.book_state VALUES ('instrument:C', '{"type":"instrument","instrument":"C","asset_class":"etf","currency":"GBp","multiplier":1.0,"name":"","option":null,"proxy":null,"return_type":"relative","exchange":null}');
INSERT INTO public.book_state VALUES ('instrument:D', '{"type":"instrument","instrument":"D","asset_class":"future","currency":"USD","multiplier":50.0,"name":"","option":null,"proxy":null,"return_type":"relative","exchange":null}');
INSERT INTO public.book_state VALUES ('instrument:E', '{"type":"instrument","instrument":"E","asset_class":"fx","currency":"EUR","multiplier":1.0,"name":"","option":null,"proxy":null,"return_type":"relative","exchange":null}');
INSERT INTO public.book_state VALUES ('closes:B', '{"dates":["2020-01-26","2020-01-27","2020-01-28","2020-01-29","2020-01-30","2020-01-31","2020-02-01","2020-02-02"],"values":[100.37882248899483,99.3348319823722,98.51758044493087,93.82259072246153,97.26116799773241,99.51248676027853,98.86691715515504,100.40889574455933]}');
INSERT INTO public.book_state VALUES ('closes:C', '{"dates":["2020-01-26","2020-01-27","2020-01-28","2020-01-29","2020-01-30","2020-01-31","2020-02-01","2020-02-02"],"values":[937.4966136693488,890.7821037784056,898.2620330974377,888.1196100623959,880.1157598416019,876.328920806228,841.6310861366533,837.7360968837522]}');
INSERT INTO public.book_state VALUES ('fx:USD', '{"price":1.1,"event_time_ns":1580742000000000000,"sequence":10054000,"newest_sequence":10054000,"seen":1,"partition":"fx_rates:0","suspect":null,"earlier":null,"held_back":null}');
INSERT INTO public.book_state VALUES ('fx:GBP', '{"price":0.85,"event_time_ns":1580742000000000000,"sequence":10054000,"newest_sequence":10054000,"seen":1,"partition":"fx_rates:0","suspect":null,"earlier":null,"held_back":null}');
INSERT INTO public.book_state VALUES ('closes:A', '{"dates":["2020-01-26","2020-01-27","2020-01-28","2020-01-29","2020-01-30","2020-01-31","2020-02-01","2020-02-02","2020-02-03","2020-02-04"],"values":[100.69356246533812,102.36186516029755,103.0405885524601,100.38972180840715,102.22404733631289,103.14073742773986,102.03902862371275,103.23188161832913,102.0,70.0]}');
INSERT INTO public.book_state VALUES ('closes:fx:GBP', '{"dates":["2020-01-26","2020-01-27","2020-01-28","2020-01-29","2020-01-30","2020-01-31","2020-02-01","2020-02-02","2020-02-03"],"values":[0.8680928374895247,0.8994904988654135,0.8547103621971737,0.8523552096275298,0.8698125605865501,0.8936556994551831,0.9054176645524834,0.932937958715272,0.85]}');
INSERT INTO public.book_state VALUES ('closes:fx:USD', '{"dates":["2020-01-26","2020-01-27","2020-01-28","2020-01-29","2020-01-30","2020-01-31","2020-02-01","2020-02-02","2020-02-03"],"values":[1.0824982359645772,1.054202304428609,1.0489788204114425,1.0578367740580175,1.08214693901048,1.0845239146355679,1.0726027333796908,1.0558990127280334,1.1]}');
INSERT INTO public.book_state VALUES ('closes:D', '{"dates":["2020-01-26","2020-01-27","2020-01-28","2020-01-29","2020-01-30","2020-01-31","2020-02-01","2020-02-02","2020-02-03","2020-02-04"],"values":[2961.1463258613308,2950.8171139264045,3050.6558478865504,3091.138762567544,2991.310568824242,2990.999293438806,2953.93526229208,2962.729284457907,3010.0,2500.0]}');
INSERT INTO public.book_state VALUES ('quote:D', '{"price":2500.0,"event_time_ns":1580828400000000000,"sequence":10140400,"newest_sequence":10140400,"seen":1,"partition":"market_data:0","suspect":null,"earlier":null,"held_back":null}');
INSERT INTO public.book_state VALUES ('partition:fx_rates:0', '{"newest_event_ns":1580850000000000000,"session_start_ns":null}');
INSERT INTO public.book_state VALUES ('partition:market_data:0', '{"newest_event_ns":1580850000000000000,"session_start_ns":null}');
INSERT INTO public.book_state VALUES ('partition:market_data:1', '{"newest_event_ns":1580850000000000000,"session_start_ns":null}');
INSERT INTO public.book_state VALUES ('counters', '{"fx_rates":{"applied":2,"superseded":0,"duplicate":0,"rejected":0,"mark":2},"market_data":{"applied":5,"superseded":1,"duplicate":0,"rejected":1,"mark":4},"reference":{"applied":12,"superseded":0,"duplicate":0,"rejected":0,"mark":2},"trades":{"applied":2,"superseded":0,"duplicate":0,"rejected":3,"mark":2}}');
INSERT INTO public.book_state VALUES ('trade:t1', '{"trade":{"type":"trade","trade_id":"t1","version":0,"action":"new","portfolio":"P","instrument":"A","quantity":10.0,"price":101.5,"event_time_ns":0,"intended_monotonic_ns":0},"rank":0,"day":null,"made_ns":0}');
INSERT INTO public.book_state VALUES ('trade:t2', '{"trade":{"type":"trade","trade_id":"t2","version":0,"action":"new","portfolio":"P","instrument":"C","quantity":-2.0,"price":905.0,"event_time_ns":0,"intended_monotonic_ns":0},"rank":1,"day":null,"made_ns":0}');
INSERT INTO public.book_state VALUES ('quote:A', '{"price":70.0,"event_time_ns":1580828400000000000,"sequence":10140400,"newest_sequence":10140400,"seen":1,"partition":"market_data:1","suspect":null,"earlier":null,"held_back":null}');
INSERT INTO public.book_state VALUES ('day', '{"date":"2020-02-04","event_time_ns":1580850000000000000}');
INSERT INTO public.book_state VALUES ('portfolio:P', '{"definition":{"type":"portfolio","portfolio":"P","base_currency":"USD","confidence":"0.8","window":5,"var_limit_fraction":0.02,"positions":[{"instrument":"A","quantity":100.0,"entry_price":100.0},{"instrument":"D","quantity":2.0,"entry_price":100.0}],"name":"","desk":null,"limits":[],"as_of_ns":null,"as_of_day":null,"carry_max_sessions":5,"carry_max_share":0.05},"pending":null,"close":{"date":"2020-02-04","nav":246686.74094808067,"var":44774.490261220766,"positions":[{"instrument":"A","quantity":110.0,"average_cost":100.13636363636364,"option":null},{"instrument":"C","quantity":-2.0,"average_cost":905.0,"option":null},{"instrument":"D","quantity":2.0,"average_cost":100.0,"option":null},{"instrument":"cash:GBP","quantity":18.1,"average_cost":0.0,"option":null},{"instrument":"cash:USD","quantity":-1015.0,"average_cost":0.0,"option":null}]},"opened":null,"stated":{"as_of_ns":0,"day":null,"untimed":null},"cash":null,"realised":null,"restated":null,"restated_cash":null}');


--
-- Data for Name: limit_event; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.limit_event OVERRIDING SYSTEM VALUE VALUES (1, 'level', 'P', 'var', 'ok', 'breach', 0.03167131993624963, 0.016, 0.02, 'P-1.2', 1580742000000000000, NULL, '', '', '2026-11-30 22:45:17.86315+00');


--
-- Data for Name: rejected_message; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.rejected_message OVERRIDING SYSTEM VALUE VALUES ('trades', 0, 2, 'wrong_version', 1, '{"type":"rejected","topic":"trades","partition":0,"offset":2,"reason":"wrong_version","detail":"version 2 of t1: 1 is next","value":"{\"type\":\"trade\",\"trade_id\":\"t1\",\"version\":2,\"action\":\"amend\",\"portfolio\":\"P\",\"instrument\":\"A\",\"quantity\":12.0,\"price\":101.0,\"event_time_ns\":0,\"intended_monotonic_ns\":0}"}', '2026-11-30 22:45:17.905322+00');
INSERT INTO public.rejected_message OVERRIDING SYSTEM VALUE VALUES ('trades', 0, 3, 'wrong_version', 2, '{"type":"rejected","topic":"trades","partition":0,"offset":3,"reason":"wrong_version","detail":"version 2 of t2: 1 is next","value":"{\"type\":\"trade\",\"trade_id\":\"t2\",\"version\":2,\"action\":\"cancel\",\"portfolio\":\"P\",\"instrument\":\"C\",\"quantity\":-2.0,\"price\":905.0,\"event_time_ns\":0,\"intended_monotonic_ns\":0}"}', '2026-11-30 22:45:17.910478+00');
INSERT INTO public.rejected_message OVERRIDING SYSTEM VALUE VALUES ('market_data', 0, 1, 'not_json', 3, '{"type":"rejected","topic":"market_data","partition":0,"offset":1,"reason":"not_json","detail":"JSON is malformed","value":"garbage"}', '2026-11-30 22:45:17.933503+00');
INSERT INTO public.rejected_message OVERRIDING SYSTEM VALUE VALUES ('trades', 0, 4, 'unknown_instrument', 4, '{"type":"rejected","topic":"trades","partition":0,"offset":4,"reason":"unknown_instrument","detail":"instrument X: send its reference first","value":"{\"type\":\"trade\",\"trade_id\":\"t3\",\"version\":0,\"action\":\"new\",\"portfolio\":\"P\",\"instrument\":\"X\",\"quantity\":1.0,\"price\":1.0,\"event_time_ns\":0,\"intended_monotonic_ns\":0}"}', '2026-11-30 22:45:17.93353+00');


--
-- Data for Name: risk_snapshot; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.risk_snapshot VALUES ('P-1.2', 'P', 'live', 1, 2, 1580742000000000000, '2020-02-02', 'USD', 'hs/ceil/simple', '0.8', 5, 5, 1, 301100, 301100, 9536.234432804764, 9536.234432804764, 0.03167131993624963, 0.02, 444.38462390064615, '2020-01-30', NULL, 291100, 0, '', '424f6672dcf6a392d6abbebd527048f9', NULL, NULL, NULL, '{"trades:0": 0, "fx_rates:0": 2, "reference:0": 12, "market_data:0": 1, "market_data:1": 1}', '{}', '{A,D}', '{-184.5476558567028,9720.782088661466}', true, 2448, '{"type":"risk_snapshot","snapshot_id":"P-1.2","portfolio":"P","kind":"live","fence":1,"epoch":2,"offsets":{"fx_rates:0":2,"market_data:0":1,"market_data:1":1,"reference:0":12,"trades:0":0},"event_time_ns":1580742000000000000,"asof":"2020-02-02","base_currency":"USD","estimator":"hs/ceil/simple","confidence":"0.8","window":5,"scenario_count":5,"tail_rank":1,"nav":301100.0,"value":301100.0,"var":9536.234432804764,"expected_shortfall":9536.234432804764,"var_fraction":0.03167131993624963,"var_limit_fraction":0.02,"diversification":444.38462390064615,"scenario_date":"2020-01-30","tail":[{"date":"2020-01-30","pnl":-9536.234432804764}],"daily_pnl":null,"unrealised_pnl":291100.0,"realised_pnl":0.0,"positions":[{"instrument":"A","asset_class":"equity","currency":"USD","quantity":100.0,"price":101.0,"average_cost":100.0,"value":10100.0,"exposure":10100.0,"delta":100.0,"unrealised_pnl":100.0,"realised_pnl":0.0,"component_var":-184.5476558567028,"component_es":-184.5476558567028,"smoothed_share":-0.023194330136590575,"stale_since_ns":null,"option":null},{"instrument":"D","asset_class":"future","currency":"USD","quantity":2.0,"price":3010.0,"average_cost":100.0,"value":291000.0,"exposure":301000.0,"delta":100.0,"unrealised_pnl":291000.0,"realised_pnl":0.0,"component_var":9720.782088661466,"component_es":9720.782088661466,"smoothed_share":1.0231943301365904,"stale_since_ns":null,"option":null}],"asset_classes":[{"asset_class":"equity","long":10100.0,"short":0.0,"gross":10100.0,"net":10100.0,"var":259.83696804394367,"expected_shortfall":259.83696804394367},{"asset_class":"future","long":301000.0,"short":0.0,"gross":301000.0,"net":301000.0,"var":9720.782088661466,"expected_shortfall":9720.782088661466}],"stale":[],"carried":[],"suspect":[],"not_available":"","inputs_hash":"424f6672dcf6a392d6abbebd527048f9","previous_var":null,"hypothetical_pnl":null,"breach":null,"trade_ids":[],"stages":{"intended_ns":0,"batch_started_ns":0,"read_ns":0,"folded_ns":0,"valued_ns":0,"published_ns":0},"rates":{},"missing":[],"valuation_date":"2020-02-03","stressed":[],"greeks":null,"delta_gamma_vega":null,"option_pnl":[],"proxied":[],"desk":null,"limits":[{"measure":"var","value":0.03167131993624963,"warning":0.016,"breach":0.02,"used":1.5835659968124816,"level":"breach","raised":"breach"}],"adjustment_count":0,"adjusted":[],"suspect_ticks":[],"exchange_closes":[],"skipped":[],"carry_max_sessions":5,"carry_max_share":0.05,"outside_model":[]}', '2026-11-30 22:45:17.86255+00');
INSERT INTO public.risk_snapshot VALUES ('P-1.3', 'P', 'live', 1, 3, 1580742000000000000, '2020-02-02', 'USD', 'hs/ceil/simple', '0.8', 5, 5, 1, 301096.74094808067, 301096.74094808067, 9517.579517783954, 9517.579517783954, 0.031609706195475255, 0.02, 490.0641529758695, '2020-01-30', NULL, 291096.74094808067, 0, '', '9a352b14d5856281f19b2886630313f1', NULL, NULL, NULL, '{"trades:0": 2, "fx_rates:0": 2, "reference:0": 12, "market_data:0": 1, "market_data:1": 1}', '{t1,t2}', '{A,C,D,cash:GBP,cash:USD}', '{-203.00242144237308,-0.14277261687390735,9720.782088661466,-0.05737681826525327,0}', true, 4022, '{"type":"risk_snapshot","snapshot_id":"P-1.3","portfolio":"P","kind":"live","fence":1,"epoch":3,"offsets":{"fx_rates:0":2,"market_data:0":1,"market_data:1":1,"reference:0":12,"trades:0":2},"event_time_ns":1580742000000000000,"asof":"2020-02-02","base_currency":"USD","estimator":"hs/ceil/simple","confidence":"0.8","window":5,"scenario_count":5,"tail_rank":1,"nav":301096.74094808067,"value":301096.74094808067,"var":9517.579517783954,"expected_shortfall":9517.579517783954,"var_fraction":0.031609706195475255,"var_limit_fraction":0.02,"diversification":490.0641529758695,"scenario_date":"2020-01-30","tail":[{"date":"2020-01-30","pnl":-9517.579517783954}],"daily_pnl":null,"unrealised_pnl":291096.74094808067,"realised_pnl":0.0,"positions":[{"instrument":"A","asset_class":"equity","currency":"USD","quantity":110.0,"price":101.0,"average_cost":100.13636363636364,"value":11110.0,"exposure":11110.0,"delta":110.0,"unrealised_pnl":94.99999999999957,"realised_pnl":0.0,"component_var":-203.00242144237308,"component_es":-203.00242144237308,"smoothed_share":-0.025575293848007292,"stale_since_ns":null,"option":null},{"instrument":"C","asset_class":"etf","currency":"GBp","quantity":-2.0,"price":837.7360968837522,"average_cost":905.0,"value":-21.68258133110888,"exposure":-21.68258133110888,"delta":-0.02588235294117647,"unrealised_pnl":1.7409480806558248,"realised_pnl":0.0,"component_var":-0.14277261687390735,"component_es":-0.14277261687390735,"smoothed_share":-0.0002594766465863486,"stale_since_ns":1580688000000000000,"option":null},{"instrument":"D","asset_class":"future","currency":"USD","quantity":2.0,"price":3010.0,"average_cost":100.0,"value":291000.0,"exposure":301000.0,"delta":100.0,"unrealised_pnl":291000.0,"realised_pnl":0.0,"component_var":9720.782088661466,"component_es":9720.782088661466,"smoothed_share":1.0256619340217652,"stale_since_ns":null,"option":null},{"instrument":"cash:GBP","asset_class":"cash","currency":"GBP","quantity":18.1,"price":1.2941176470588236,"average_cost":1.2941176470588236,"value":23.423529411764708,"exposure":23.423529411764708,"delta":18.1,"unrealised_pnl":0.0,"realised_pnl":0.0,"component_var":-0.05737681826525327,"component_es":-0.05737681826525327,"smoothed_share":0.0001728364728285081,"stale_since_ns":null,"option":null},{"instrument":"cash:USD","asset_class":"cash","currency":"USD","quantity":-1015.0,"price":1.0,"average_cost":1.0,"value":-1015.0,"exposure":-1015.0,"delta":-1015.0,"unrealised_pnl":0.0,"realised_pnl":0.0,"component_var":0.0,"component_es":0.0,"smoothed_share":0.0,"stale_since_ns":null,"option":null}],"asset_classes":[{"asset_class":"cash","long":23.423529411764708,"short":-1015.0,"gross":1038.4235294117648,"net":-991.5764705882353,"var":1.0449755487458685,"expected_shortfall":1.0449755487458685},{"asset_class":"equity","long":11110.0,"short":0.0,"gross":11110.0,"net":11110.0,"var":285.820664848338,"expected_shortfall":285.820664848338},{"asset_class":"etf","long":0.0,"short":-21.68258133110888,"gross":21.68258133110888,"net":-21.68258133110888,"var":-0.004058298727097065,"expected_shortfall":-0.004058298727097065},{"asset_class":"future","long":301000.0,"short":0.0,"gross":301000.0,"net":301000.0,"var":9720.782088661466,"expected_shortfall":9720.782088661466}],"stale":["C"],"carried":[],"suspect":[],"not_available":"","inputs_hash":"9a352b14d5856281f19b2886630313f1","previous_var":null,"hypothetical_pnl":null,"breach":null,"trade_ids":["t1","t2"],"stages":{"intended_ns":0,"batch_started_ns":0,"read_ns":0,"folded_ns":0,"valued_ns":0,"published_ns":0},"rates":{"GBP":0.85,"USD":1.1},"missing":[],"valuation_date":"2020-02-03","stressed":[],"greeks":null,"delta_gamma_vega":null,"option_pnl":[],"proxied":[],"desk":null,"limits":[{"measure":"var","value":0.031609706195475255,"warning":0.016,"breach":0.02,"used":1.5804853097737628,"level":"breach","raised":"breach"}],"adjustment_count":0,"adjusted":[],"suspect_ticks":[],"exchange_closes":[],"skipped":[],"carry_max_sessions":5,"carry_max_share":0.05,"outside_model":[]}', '2026-11-30 22:45:17.899766+00');
INSERT INTO public.risk_snapshot VALUES ('P-eod-2020-02-03', 'P', 'end_of_day', 1, 7, 1580763600000000000, '2020-02-03', 'USD', 'hs/ceil/simple', '0.8', 5, 5, 1, 301206.74094808067, 301206.74094808067, 9515.569592819178, 9515.569592819178, 0.0315914894961112, 0.02, 343.2570461003425, '2020-01-30', NULL, 291206.74094808067, 0, '', '246842223df2216e714411da78e513d7', NULL, NULL, NULL, '{"trades:0": 6, "fx_rates:0": 3, "reference:0": 13, "market_data:0": 3, "market_data:1": 4}', '{}', '{A,C,D,cash:GBP,cash:USD}', '{-205.01234640714904,-0.14277261687390735,9720.782088661466,-0.05737681826525327,0}', true, 4203, '{"type":"risk_snapshot","snapshot_id":"P-eod-2020-02-03","portfolio":"P","kind":"end_of_day","fence":1,"epoch":7,"offsets":{"fx_rates:0":3,"market_data:0":3,"market_data:1":4,"reference:0":13,"trades:0":6},"event_time_ns":1580763600000000000,"asof":"2020-02-03","base_currency":"USD","estimator":"hs/ceil/simple","confidence":"0.8","window":5,"scenario_count":5,"tail_rank":1,"nav":301206.74094808067,"value":301206.74094808067,"var":9515.569592819178,"expected_shortfall":9515.569592819178,"var_fraction":0.0315914894961112,"var_limit_fraction":0.02,"diversification":343.2570461003425,"scenario_date":"2020-01-30","tail":[{"date":"2020-01-30","pnl":-9515.569592819178}],"daily_pnl":null,"unrealised_pnl":291206.74094808067,"realised_pnl":0.0,"positions":[{"instrument":"A","asset_class":"equity","currency":"USD","quantity":110.0,"price":102.0,"average_cost":100.13636363636364,"value":11220.0,"exposure":11220.0,"delta":110.0,"unrealised_pnl":204.99999999999957,"realised_pnl":0.0,"component_var":-205.01234640714904,"component_es":-205.01234640714904,"smoothed_share":-0.02583505655108532,"stale_since_ns":null,"option":null},{"instrument":"C","asset_class":"etf","currency":"GBp","quantity":-2.0,"price":837.7360968837522,"average_cost":905.0,"value":-21.68258133110888,"exposure":-21.68258133110888,"delta":-0.02588235294117647,"unrealised_pnl":1.7409480806558248,"realised_pnl":0.0,"component_var":-0.14277261687390735,"component_es":-0.14277261687390735,"smoothed_share":-0.0002595423680945667,"stale_since_ns":1580688000000000000,"option":null},{"instrument":"D","asset_class":"future","currency":"USD","quantity":2.0,"price":3010.0,"average_cost":100.0,"value":291000.0,"exposure":301000.0,"delta":100.0,"unrealised_pnl":291000.0,"realised_pnl":0.0,"component_var":9720.782088661466,"component_es":9720.782088661466,"smoothed_share":1.025921718669488,"stale_since_ns":1580742000000000000,"option":null},{"instrument":"cash:GBP","asset_class":"cash","currency":"GBP","quantity":18.1,"price":1.2941176470588236,"average_cost":1.2941176470588236,"value":23.423529411764708,"exposure":23.423529411764708,"delta":18.1,"unrealised_pnl":0.0,"realised_pnl":0.0,"component_var":-0.05737681826525327,"component_es":-0.05737681826525327,"smoothed_share":0.0001728802496917396,"stale_since_ns":null,"option":null},{"instrument":"cash:USD","asset_class":"cash","currency":"USD","quantity":-1015.0,"price":1.0,"average_cost":1.0,"value":-1015.0,"exposure":-1015.0,"delta":-1015.0,"unrealised_pnl":0.0,"realised_pnl":0.0,"component_var":0.0,"component_es":0.0,"smoothed_share":0.0,"stale_since_ns":null,"option":null}],"asset_classes":[{"asset_class":"cash","long":23.423529411764708,"short":-1015.0,"gross":1038.4235294117648,"net":-991.5764705882353,"var":1.0449755487458685,"expected_shortfall":1.0449755487458685},{"asset_class":"equity","long":11220.0,"short":0.0,"gross":11220.0,"net":11220.0,"var":133.8899528030953,"expected_shortfall":133.8899528030953},{"asset_class":"etf","long":0.0,"short":-21.68258133110888,"gross":21.68258133110888,"net":-21.68258133110888,"var":3.1096219062130603,"expected_shortfall":3.1096219062130603},{"asset_class":"future","long":301000.0,"short":0.0,"gross":301000.0,"net":301000.0,"var":9720.782088661466,"expected_shortfall":9720.782088661466}],"stale":["C","D","fx:GBP","fx:USD"],"carried":[{"series":"C","dates":["2020-02-03"],"day_count":1,"missed_sessions":1,"silent_sessions":1,"last_close":"2020-02-02","share":0.0000694364528946737}],"suspect":[],"not_available":"","inputs_hash":"246842223df2216e714411da78e513d7","previous_var":null,"hypothetical_pnl":null,"breach":null,"trade_ids":[],"stages":{"intended_ns":0,"batch_started_ns":0,"read_ns":0,"folded_ns":0,"valued_ns":0,"published_ns":0},"rates":{"GBP":0.85,"USD":1.1},"missing":[],"valuation_date":"2020-02-03","stressed":[],"greeks":null,"delta_gamma_vega":null,"option_pnl":[],"proxied":[],"desk":null,"limits":[{"measure":"var","value":0.0315914894961112,"warning":0.016,"breach":0.02,"used":1.57957447480556,"level":"breach","raised":"breach"}],"adjustment_count":0,"adjusted":[],"suspect_ticks":[],"exchange_closes":[],"skipped":[],"carry_max_sessions":5,"carry_max_share":0.05,"outside_model":[]}', '2026-11-30 22:45:17.959476+00');
INSERT INTO public.risk_snapshot VALUES ('P-1.8', 'P', 'live', 1, 8, 1580828400000000000, '2020-02-03', 'USD', 'hs/ceil/simple', '0.8', 5, 5, 1, 246686.74094808067, 246686.74094808067, 7932.844379327442, 7932.844379327442, 0.03215756286227415, 0.02, 236.9347561520299, '2020-01-30', -54520, 236686.74094808067, 0, '', '78a3707cd2576c9e4c5000bef2c3ab2e', 9515.569592819178, NULL, NULL, '{"trades:0": 6, "fx_rates:0": 3, "reference:0": 13, "market_data:0": 4, "market_data:1": 5}', '{}', '{A,C,D,cash:GBP,cash:USD}', '{-140.69474753431797,-0.14277261687390735,8073.739276296898,-0.05737681826525327,0}', false, 4199, '{"type":"risk_snapshot","snapshot_id":"P-1.8","portfolio":"P","kind":"live","fence":1,"epoch":8,"offsets":{"fx_rates:0":3,"market_data:0":4,"market_data:1":5,"reference:0":13,"trades:0":6},"event_time_ns":1580828400000000000,"asof":"2020-02-03","base_currency":"USD","estimator":"hs/ceil/simple","confidence":"0.8","window":5,"scenario_count":5,"tail_rank":1,"nav":246686.74094808067,"value":246686.74094808067,"var":7932.844379327442,"expected_shortfall":7932.844379327442,"var_fraction":0.03215756286227415,"var_limit_fraction":0.02,"diversification":236.9347561520299,"scenario_date":"2020-01-30","tail":[{"date":"2020-01-30","pnl":-7932.844379327442}],"daily_pnl":-54520.0,"unrealised_pnl":236686.74094808067,"realised_pnl":0.0,"positions":[{"instrument":"A","asset_class":"equity","currency":"USD","quantity":110.0,"price":70.0,"average_cost":100.13636363636364,"value":7700.0,"exposure":7700.0,"delta":110.0,"unrealised_pnl":-3315.0000000000005,"realised_pnl":0.0,"component_var":-140.69474753431797,"component_es":-140.69474753431797,"smoothed_share":-0.021251841717236868,"stale_since_ns":null,"option":null},{"instrument":"C","asset_class":"etf","currency":"GBp","quantity":-2.0,"price":837.7360968837522,"average_cost":905.0,"value":-21.68258133110888,"exposure":-21.68258133110888,"delta":-0.02588235294117647,"unrealised_pnl":1.7409480806558248,"realised_pnl":0.0,"component_var":-0.14277261687390735,"component_es":-0.14277261687390735,"smoothed_share":-0.00031109823755789365,"stale_since_ns":1580688000000000000,"option":null},{"instrument":"D","asset_class":"future","currency":"USD","quantity":2.0,"price":2500.0,"average_cost":100.0,"value":240000.0,"exposure":250000.0,"delta":100.0,"unrealised_pnl":240000.0,"realised_pnl":0.0,"component_var":8073.739276296898,"component_es":8073.739276296898,"smoothed_share":1.0213557185235407,"stale_since_ns":null,"option":null},{"instrument":"cash:GBP","asset_class":"cash","currency":"GBP","quantity":18.1,"price":1.2941176470588236,"average_cost":1.2941176470588236,"value":23.423529411764708,"exposure":23.423529411764708,"delta":18.1,"unrealised_pnl":0.0,"realised_pnl":0.0,"component_var":-0.05737681826525327,"component_es":-0.05737681826525327,"smoothed_share":0.00020722143125423182,"stale_since_ns":null,"option":null},{"instrument":"cash:USD","asset_class":"cash","currency":"USD","quantity":-1015.0,"price":1.0,"average_cost":1.0,"value":-1015.0,"exposure":-1015.0,"delta":-1015.0,"unrealised_pnl":0.0,"realised_pnl":0.0,"component_var":0.0,"component_es":0.0,"smoothed_share":0.0,"stale_since_ns":null,"option":null}],"asset_classes":[{"asset_class":"cash","long":23.423529411764708,"short":-1015.0,"gross":1038.4235294117648,"net":-991.5764705882353,"var":1.0449755487458685,"expected_shortfall":1.0449755487458685},{"asset_class":"equity","long":7700.0,"short":0.0,"gross":7700.0,"net":7700.0,"var":91.88526172761442,"expected_shortfall":91.88526172761442},{"asset_class":"etf","long":0.0,"short":-21.68258133110888,"gross":21.68258133110888,"net":-21.68258133110888,"var":3.1096219062130603,"expected_shortfall":3.1096219062130603},{"asset_class":"future","long":250000.0,"short":0.0,"gross":250000.0,"net":250000.0,"var":8073.739276296898,"expected_shortfall":8073.739276296898}],"stale":["C"],"carried":[{"series":"C","dates":["2020-02-03"],"day_count":1,"missed_sessions":1,"silent_sessions":1,"last_close":"2020-02-02","share":0.00008412412424929897}],"suspect":[],"not_available":"","inputs_hash":"78a3707cd2576c9e4c5000bef2c3ab2e","previous_var":9515.569592819178,"hypothetical_pnl":null,"breach":null,"trade_ids":[],"stages":{"intended_ns":0,"batch_started_ns":0,"read_ns":0,"folded_ns":0,"valued_ns":0,"published_ns":0},"rates":{"GBP":0.85,"USD":1.1},"missing":[],"valuation_date":"2020-02-04","stressed":[],"greeks":null,"delta_gamma_vega":null,"option_pnl":[],"proxied":[],"desk":null,"limits":[{"measure":"var","value":0.03215756286227415,"warning":0.016,"breach":0.02,"used":1.6078781431137075,"level":"breach","raised":"breach"}],"adjustment_count":0,"adjusted":[],"suspect_ticks":["A 2020-02-04","D 2020-02-04"],"exchange_closes":[],"skipped":[],"carry_max_sessions":5,"carry_max_share":0.05,"outside_model":[]}', '2026-11-30 22:45:18.001296+00');
INSERT INTO public.risk_snapshot VALUES ('P-eod-2020-02-04', 'P', 'end_of_day', 1, 9, 1580850000000000000, '2020-02-04', 'USD', 'hs/ceil/simple', '0.8', 5, 5, 1, 246686.74094808067, 246686.74094808067, 44774.490261220766, 44774.490261220766, 0.1815034326090688, 0.02, 4.154597454958474, '2020-02-04', -54520, 236686.74094808067, 0, '', '92e6d146f18fdd98435e595262ff3e09', 9515.569592819178, -54520, true, '{"trades:0": 7, "fx_rates:0": 4, "reference:0": 14, "market_data:0": 5, "market_data:1": 6}', '{}', '{A,C,D,cash:GBP,cash:USD}', '{2415.6862745098038,0,42358.80398671096,0,0}', true, 4525, '{"type":"risk_snapshot","snapshot_id":"P-eod-2020-02-04","portfolio":"P","kind":"end_of_day","fence":1,"epoch":9,"offsets":{"fx_rates:0":4,"market_data:0":5,"market_data:1":6,"reference:0":14,"trades:0":7},"event_time_ns":1580850000000000000,"asof":"2020-02-04","base_currency":"USD","estimator":"hs/ceil/simple","confidence":"0.8","window":5,"scenario_count":5,"tail_rank":1,"nav":246686.74094808067,"value":246686.74094808067,"var":44774.490261220766,"expected_shortfall":44774.490261220766,"var_fraction":0.1815034326090688,"var_limit_fraction":0.02,"diversification":4.154597454958474,"scenario_date":"2020-02-04","tail":[{"date":"2020-02-04","pnl":-44774.490261220766}],"daily_pnl":-54520.0,"unrealised_pnl":236686.74094808067,"realised_pnl":0.0,"positions":[{"instrument":"A","asset_class":"equity","currency":"USD","quantity":110.0,"price":70.0,"average_cost":100.13636363636364,"value":7700.0,"exposure":7700.0,"delta":110.0,"unrealised_pnl":-3315.0000000000005,"realised_pnl":0.0,"component_var":2415.6862745098038,"component_es":2415.6862745098038,"smoothed_share":0.04968231650682321,"stale_since_ns":1580828400000000000,"option":null},{"instrument":"C","asset_class":"etf","currency":"GBp","quantity":-2.0,"price":837.7360968837522,"average_cost":905.0,"value":-21.68258133110888,"exposure":-21.68258133110888,"delta":-0.02588235294117647,"unrealised_pnl":1.7409480806558248,"realised_pnl":0.0,"component_var":0.0,"component_es":0.0,"smoothed_share":-0.00006460291726662935,"stale_since_ns":1580688000000000000,"option":null},{"instrument":"D","asset_class":"future","currency":"USD","quantity":2.0,"price":2500.0,"average_cost":100.0,"value":240000.0,"exposure":250000.0,"delta":100.0,"unrealised_pnl":240000.0,"realised_pnl":0.0,"component_var":42358.80398671096,"component_es":42358.80398671096,"smoothed_share":0.9503360157157172,"stale_since_ns":1580828400000000000,"option":null},{"instrument":"cash:GBP","asset_class":"cash","currency":"GBP","quantity":18.1,"price":1.2941176470588236,"average_cost":1.2941176470588236,"value":23.423529411764708,"exposure":23.423529411764708,"delta":18.1,"unrealised_pnl":0.0,"realised_pnl":0.0,"component_var":0.0,"component_es":0.0,"smoothed_share":0.000046270694726157715,"stale_since_ns":null,"option":null},{"instrument":"cash:USD","asset_class":"cash","currency":"USD","quantity":-1015.0,"price":1.0,"average_cost":1.0,"value":-1015.0,"exposure":-1015.0,"delta":-1015.0,"unrealised_pnl":0.0,"realised_pnl":0.0,"component_var":0.0,"component_es":0.0,"smoothed_share":0.0,"stale_since_ns":null,"option":null}],"asset_classes":[{"asset_class":"cash","long":23.423529411764708,"short":-1015.0,"gross":1038.4235294117648,"net":-991.5764705882353,"var":1.0449755487458685,"expected_shortfall":1.0449755487458685},{"asset_class":"equity","long":7700.0,"short":0.0,"gross":7700.0,"net":7700.0,"var":2415.6862745098038,"expected_shortfall":2415.6862745098038},{"asset_class":"etf","long":0.0,"short":-21.68258133110888,"gross":21.68258133110888,"net":-21.68258133110888,"var":3.1096219062130603,"expected_shortfall":3.1096219062130603},{"asset_class":"future","long":250000.0,"short":0.0,"gross":250000.0,"net":250000.0,"var":42358.80398671096,"expected_shortfall":42358.80398671096}],"stale":["A","C","D","fx:GBP","fx:USD"],"carried":[{"series":"C","dates":["2020-02-03","2020-02-04"],"day_count":2,"missed_sessions":2,"silent_sessions":2,"last_close":"2020-02-02","share":0.00008412412424929897},{"series":"fx:GBP","dates":["2020-02-04"],"day_count":1,"missed_sessions":1,"silent_sessions":1,"last_close":"2020-02-03","share":0.0001750027824912155},{"series":"fx:USD","dates":["2020-02-04"],"day_count":1,"missed_sessions":1,"silent_sessions":1,"last_close":"2020-02-03","share":0.0001750027824912155}],"suspect":["A 2020-02-04","D 2020-02-04"],"not_available":"","inputs_hash":"92e6d146f18fdd98435e595262ff3e09","previous_var":9515.569592819178,"hypothetical_pnl":-54520.0,"breach":true,"trade_ids":[],"stages":{"intended_ns":0,"batch_started_ns":0,"read_ns":0,"folded_ns":0,"valued_ns":0,"published_ns":0},"rates":{"GBP":0.85,"USD":1.1},"missing":[],"valuation_date":"2020-02-04","stressed":[],"greeks":null,"delta_gamma_vega":null,"option_pnl":[],"proxied":[],"desk":null,"limits":[{"measure":"var","value":0.1815034326090688,"warning":0.016,"breach":0.02,"used":9.07517163045344,"level":"breach","raised":"breach"}],"adjustment_count":0,"adjusted":[],"suspect_ticks":[],"exchange_closes":[],"skipped":[],"carry_max_sessions":5,"carry_max_share":0.05,"outside_model":[]}', '2026-11-30 22:45:18.01706+00');


--
-- Data for Name: stream_fence; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.stream_fence VALUES (true, 1, 8, 1, 8);


--
-- Data for Name: stream_offset; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.stream_offset VALUES ('fx_rates:0', 4);
INSERT INTO public.stream_offset VALUES ('market_data:0', 5);
INSERT INTO public.stream_offset VALUES ('market_data:1', 6);
INSERT INTO public.stream_offset VALUES ('reference:0', 14);
INSERT INTO public.stream_offset VALUES ('trades:0', 7);


--
-- Name: limit_event_event_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.limit_event_event_id_seq', 1, true);


--
-- Name: rejected_message_arrival_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.rejected_message_arrival_seq', 4, true);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: book_state book_state_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.book_state
    ADD CONSTRAINT book_state_pkey PRIMARY KEY (key);


--
-- Name: limit_event limit_event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.limit_event
    ADD CONSTRAINT limit_event_pkey PRIMARY KEY (event_id);


--
-- Name: rejected_message rejected_message_arrival_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rejected_message
    ADD CONSTRAINT rejected_message_arrival_key UNIQUE (arrival);


--
-- Name: rejected_message rejected_message_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rejected_message
    ADD CONSTRAINT rejected_message_pkey PRIMARY KEY (topic, partition, "offset");


--
-- Name: risk_snapshot risk_snapshot_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.risk_snapshot
    ADD CONSTRAINT risk_snapshot_pkey PRIMARY KEY (snapshot_id);


--
-- Name: stream_fence stream_fence_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.stream_fence
    ADD CONSTRAINT stream_fence_pkey PRIMARY KEY (only_row);


--
-- Name: stream_offset stream_offset_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.stream_offset
    ADD CONSTRAINT stream_offset_pkey PRIMARY KEY (partition_key);


--
-- Name: limit_event_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX limit_event_newest ON public.limit_event USING btree (portfolio, measure, kind, event_id);


--
-- Name: limit_event_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX limit_event_once ON public.limit_event USING btree (snapshot_id, measure) WHERE (kind = 'level'::text);


--
-- Name: risk_snapshot_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX risk_snapshot_by_time ON public.risk_snapshot USING btree (portfolio, event_time_ns, fence, epoch, snapshot_id);


--
-- Name: risk_snapshot_end_of_day; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX risk_snapshot_end_of_day ON public.risk_snapshot USING btree (portfolio, event_time_ns, fence, epoch, snapshot_id) WHERE (kind = 'end_of_day'::text);


--
-- Name: risk_snapshot_to_thin; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX risk_snapshot_to_thin ON public.risk_snapshot USING btree (recorded_at) INCLUDE (payload_bytes) WHERE (NOT pinned);


--
-- Name: limit_event limit_event_stays; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER limit_event_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON public.limit_event FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: limit_event limit_event_acknowledges_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.limit_event
    ADD CONSTRAINT limit_event_acknowledges_fkey FOREIGN KEY (acknowledges) REFERENCES public.limit_event(event_id);


--
-- PostgreSQL database dump complete
--


