%% Runs scenarios (scenarios.py) on OTP's own supervisor and writes what happened: one Erlang term a line in, one line of
%% JSON a line out. Started by run_otp.py.
-module(otp).
-export([main/0, init/1, start_child/4, start_simple/4, log/2]).

-define(POLLS, 100000).

main() ->
    [In, Out] = init:get_plain_arguments(),
    logger:remove_handler(default),
    ok = logger:add_handler(reports, ?MODULE, #{level => error}),
    {ok, Source} = file:open(In, [read, raw, binary, {read_ahead, 65536}]),
    {ok, Target} = file:open(Out, [write, raw, {delayed_write, 65536, 100}]),
    process_flag(trap_exit, true),
    each_line(Source, Target),
    ok = file:close(Target),
    halt(0).

each_line(Source, Target) ->
    case file:read_line(Source) of
        {ok, Line} ->
            {ok, Tokens, _} = erl_scan:string(binary_to_list(Line)),
            {ok, Scenario} = erl_parse:parse_term(Tokens),
            ok = file:write(Target, [json(scenario(Scenario)), $\n]),
            each_line(Source, Target);
        eof ->
            ok
    end.

json(Number) when is_integer(Number) -> integer_to_list(Number);
json(Word) when is_atom(Word) -> [$", atom_to_list(Word), $"];
json(List) when is_list(List) -> [$[, lists:join($,, [json(Each) || Each <- List]), $]].

%% One scenario.

scenario({Strategy, Intensity, AutoShutdown, Children, Commands, Template, End}) ->
    Tracer = spawn_link(fun() -> tracer(#{is_simple => Strategy =:= simple_one_for_one}) end),
    register(tracer, Tracer),
    Flags = #{strategy => Strategy, intensity => Intensity, period => 100000, auto_shutdown => AutoShutdown},
    Specs =
        case Template of
            none -> [spec(Each) || Each <- Children];
            _ -> [simple_spec(Template)]
        end,
    Trace =
        case supervisor:start_link(?MODULE, {Flags, Specs}) of
            {ok, Sup} ->
                First = settle(Sup, ok, none),
                [First | commands(Sup, Commands, First, Template =/= none, End)];
            {error, Reason} ->
                receive {'EXIT', _, _} -> ok end,
                Result =
                    case Reason of
                        {shutdown, {failed_to_start_child, Id, Why}} -> [failed, Id, word(Why)];
                        _ -> [bad_spec]
                    end,
                {Events, _} = ask(Tracer, {take, []}),
                [[Result, Events, [], [ended]]]
        end,
    unlink(Tracer),
    exit(Tracer, kill),
    unregister_when_gone(Tracer),
    Trace.

unregister_when_gone(Tracer) ->
    Ref = monitor(process, Tracer),
    receive {'DOWN', Ref, process, Tracer, _} -> ok end,
    receive {'EXIT', Tracer, _} -> ok after 0 -> ok end.

init(FlagsAndSpecs) -> {ok, FlagsAndSpecs}.

commands(_, _, [_, _, _, [ended | _]], _, _) ->
    [];
commands(Sup, [], _, _, End) ->
    exit(Sup, End),
    [ended(Sup, ok)];
commands(Sup, [Command | Rest], _, IsSimple, End) ->
    Step = command(Sup, Command, IsSimple),
    [Step | commands(Sup, Rest, Step, IsSimple, End)].

command(Sup, {exit, Id, Reason}, _) ->
    case ask(tracer, {living, Id}) of
        none ->
            settle(Sup, not_running, none);
        Pid ->
            case Reason of
                killed -> exit(Pid, kill);
                detail -> Pid ! {exit, {shutdown, detail}};
                _ -> Pid ! {exit, Reason}
            end,
            settle(Sup, ok, Pid)
    end;
command(Sup, Command, IsSimple) ->
    case request(Command, IsSimple) of
        unknown ->
            settle(Sup, unknown, none);
        Request ->
            Reply =
                try gen_server:call(Sup, Request, infinity)
                catch exit:_ -> noproc
                end,
            settle(Sup, ask(tracer, {normal, Request, Reply}), none)
    end.

request({start_child, Spec}, true) -> {start_child, [counters:new(1, []), Spec]};
request({start_child, Spec}, false) -> {start_child, spec(Spec)};
request({terminate_child, Label}, true) ->
    case ask(tracer, {last, Label}) of
        none -> unknown;
        Pid -> {terminate_child, Pid}
    end;
request({Word}, _) -> Word;
request(Request, _) -> Request.

%% Wait until Gone is gone, nobody is being restarted and every request has its reply; then say how things are.
settle(Sup, Result, Gone) -> settle(Sup, Result, Gone, ?POLLS).

settle(_, Result, _, 0) ->
    [Result, [], [], [unsettled]];
settle(Sup, Result, Gone, Polls) ->
    try supervisor:which_children(Sup) of
        Children ->
            IsSettled =
                not lists:keymember(Gone, 2, Children) andalso not lists:keymember(restarting, 2, Children) andalso
                ask(tracer, is_answered),
            case IsSettled of
                true ->
                    %% The last request may have been served after we were told.
                    Now = supervisor:which_children(Sup),
                    {Events, Replies} = ask(tracer, {take, [Pid || {_, Pid, _, _} <- Now, is_pid(Pid)]}),
                    Normal = ask(tracer, {normal, which_children, Now}),
                    Counts = ask(tracer, {normal, count_children, supervisor:count_children(Sup)}),
                    [Result, Events, Replies, [Normal, Counts]];
                false ->
                    erlang:yield(),
                    settle(Sup, Result, Gone, Polls - 1)
            end
    catch
        exit:_ ->
            ended(Sup, Result)
    end.

ended(Sup, Result) ->
    Reason = receive {'EXIT', Sup, Why} -> word(Why) end,
    {Events, Replies} = ask(tracer, {take, []}),
    [Result, Events, Replies, [ended, Reason]].

%% Children.

spec({Id, Restart, Shutdown, IsSignificant, Type, _, _} = Spec) ->
    Args = [tracer, counters:new(1, []), Spec, false],
    #{id => Id, start => {?MODULE, start_child, Args}, restart => Restart, shutdown => Shutdown,
      significant => IsSignificant, type => Type}.

simple_spec({Id, Restart, Shutdown, IsSignificant, Type, _, _}) ->
    #{id => Id, start => {?MODULE, start_simple, [tracer, true]}, restart => Restart, shutdown => Shutdown,
      significant => IsSignificant, type => Type}.

start_simple(Tracer, IsSimple, Counter, Spec) -> start_child(Tracer, Counter, Spec, IsSimple).

%% In the supervisor's own process.
start_child(Tracer, Counter, {Id, _, _, _, _, Answer, Starts}, IsSimple) ->
    ok = counters:add(Counter, 1, 1),
    case lists:nth(min(counters:get(Counter, 1), length(Starts)), Starts) of
        ok ->
            Supervisor = self(),
            Child = spawn_link(fun() -> child(Supervisor, Id, Answer) end),
            receive {Child, ready} -> {ok, Child} end;
        ignore ->
            ask(Tracer, {event, [start, Id, ignore]}),
            ignore;
        error ->
            ask(Tracer, {event, [start, Id, error]}),
            {error, broken};
        {error, Command} ->
            ask(Tracer, {event, [start, Id, error]}),
            enqueue(request(Command, IsSimple)),
            {error, broken}
    end.

%% Put a call into our own mailbox, whose answer goes to the tracer.
enqueue(unknown) ->
    ask(tracer, {reply, unknown});
enqueue(Request) ->
    Ref = make_ref(),
    ask(tracer, {pending, Ref, Request}),
    self() ! {'$gen_call', {whereis(tracer), Ref}, Request}.

child(Supervisor, Id, Answer) ->
    process_flag(trap_exit, true),
    ask(tracer, {started, Id}),
    Supervisor ! {self(), ready},
    child_loop(Id, Answer).

child_loop(Id, Answer) ->
    receive
        {exit, Reason} ->
            leave(Id, Reason);
        {'EXIT', _, Reason} ->
            case Answer of
                never -> child_loop(Id, Answer);
                shutdown -> leave(Id, Reason);
                detail -> leave(Id, {shutdown, detail});
                _ -> leave(Id, Answer)
            end
    end.

leave(Id, Reason) ->
    ask(tracer, {stopped, Id, word(Reason)}),
    exit(Reason).

%% The tracer knows what happened, in order.

ask(Tracer, Question) ->
    Ref = make_ref(),
    Tracer ! {ask, self(), Ref, Question},
    receive {Ref, Answer} -> Answer end.

tracer(Options) ->
    tracer([], [], #{}, #{}, #{}, Options).

%% Living: pid to id. Last: id to its latest pid, and every pid to its id. Pending: ref to request.
tracer(Events, Replies, Living, Last, Pending, Options) ->
    receive
        {ask, From, Ref, {take, Pids}} ->
            case [Pid || Pid <- maps:keys(Living), not lists:member(Pid, Pids)] of
                [] ->
                    %% The children of a simple_one_for_one stop together, and what they say is reported by reason.
                    Told =
                        case Options of
                            #{is_simple := true} when Pids =:= [] -> lists:usort(Events);
                            _ -> lists:reverse(Events)
                        end,
                    Lost = case Pids of [] -> [noproc || _ <- maps:keys(Pending)]; _ -> [] end,
                    From ! {Ref, {Told, lists:reverse(Replies) ++ Lost}},
                    tracer([], [], Living, Last, Pending, Options);
                _ -> % somebody's end has not reached us yet
                    {Event, Gone} = wait_down(Living),
                    self() ! {ask, From, Ref, {take, Pids}},
                    tracer(Event ++ Events, Replies, maps:remove(Gone, Living), Last, Pending, Options)
            end;
        {ask, From, Ref, {started, Id}} ->
            monitor(process, From),
            From ! {Ref, ok},
            tracer([[start, Id, ok] | Events], Replies, Living#{From => Id}, Last#{Id => From, From => Id}, Pending,
                   Options);
        {ask, From, Ref, {stopped, Id, Reason}} ->
            From ! {Ref, ok},
            tracer([[stop, Id, Reason] | Events], Replies, maps:remove(From, Living), Last, Pending, Options);
        {'DOWN', _, process, Pid, Reason} when is_map_key(Pid, Living) ->
            Event = [stop, maps:get(Pid, Living), word(Reason)],
            tracer([Event | Events], Replies, maps:remove(Pid, Living), Last, Pending, Options);
        {'DOWN', _, process, _, _} ->
            tracer(Events, Replies, Living, Last, Pending, Options);
        {ask, From, Ref, {event, Event}} ->
            From ! {Ref, ok},
            tracer([Event | Events], Replies, Living, Last, Pending, Options);
        {ask, From, Ref, {report, Context, Id, Reason}} ->
            From ! {Ref, ok},
            Who = case Options of #{is_simple := true} -> '*'; _ -> Id end,
            tracer([[report, Context, Who, Reason] | Events], Replies, Living, Last, Pending, Options);
        {ask, From, Ref, {living, Id}} ->
            Found = [Pid || {Pid, Each} <- maps:to_list(Living), Each =:= Id],
            From ! {Ref, case Found of [Pid] -> Pid; [] -> none end},
            tracer(Events, Replies, Living, Last, Pending, Options);
        {ask, From, Ref, {last, Id}} ->
            From ! {Ref, maps:get(Id, Last, none)},
            tracer(Events, Replies, Living, Last, Pending, Options);
        {ask, From, Ref, {normal, Request, Reply}} ->
            From ! {Ref, normal(Request, Reply, Last)},
            tracer(Events, Replies, Living, Last, Pending, Options);
        {ask, From, Ref, {reply, Reply}} ->
            From ! {Ref, ok},
            tracer(Events, [Reply | Replies], Living, Last, Pending, Options);
        {ask, From, Ref, {pending, Call, Request}} ->
            From ! {Ref, ok},
            tracer(Events, Replies, Living, Last, Pending#{Call => Request}, Options);
        {ask, From, Ref, is_answered} ->
            From ! {Ref, map_size(Pending) =:= 0},
            tracer(Events, Replies, Living, Last, Pending, Options);
        {Call, Reply} when is_map_key(Call, Pending) ->
            Normal = normal(maps:get(Call, Pending), Reply, Last),
            tracer(Events, [Normal | Replies], Living, Last, maps:remove(Call, Pending), Options)
    end.

wait_down(Living) ->
    receive
        {ask, From, Ref, {stopped, Id, Reason}} ->
            From ! {Ref, ok},
            {[[stop, Id, Reason]], From};
        {'DOWN', _, process, Pid, Reason} when is_map_key(Pid, Living) ->
            {[[stop, maps:get(Pid, Living), word(Reason)]], Pid}
    end.

%% What the supervisor says, in words that do not depend on pids.

normal(which_children, Children, Last) when is_list(Children) ->
    Words = [[id(Id, Pid, Last), state(Pid), Type] || {Id, Pid, Type, _} <- Children],
    case Children of
        [{undefined, _, _, _} | _] -> lists:sort(Words); % of a simple_one_for_one, in no order
        _ -> Words
    end;
normal(count_children, [{specs, _} | Counts], _) -> % a simple_one_for_one always has one
    [proplists:get_value(Key, Counts) || Key <- [active, supervisors, workers]];
normal(_, {ok, undefined}, _) -> ignored;
normal(_, {ok, Pid}, _) when is_pid(Pid) -> ok;
normal(_, {error, {already_started, _}}, _) -> already_started;
normal(_, {error, {broken, _}}, _) -> broken;
normal({start_child, _}, {error, Reason}, _) when is_tuple(Reason) -> bad_spec;
normal(_, {error, Word}, _) -> Word;
normal(_, Word, _) -> Word.

id(undefined, Pid, Last) when is_pid(Pid) -> maps:get(Pid, Last);
id(undefined, restarting, _) -> '*';
id(Id, _, _) -> Id.

state(Pid) when is_pid(Pid) -> up;
state(undefined) -> none;
state(restarting) -> restarting.

word({shutdown, _}) -> detail;
word(Word) -> Word.

%% A logger handler: a supervisor's reports go to the tracer, in the supervisor's own process.

log(#{msg := {report, #{label := {supervisor, Context}, report := Report}}}, _) when Context =/= progress ->
    Reason = proplists:get_value(reason, Report),
    Id = proplists:get_value(id, proplists:get_value(offender, Report)),
    ask(tracer, {report, Context, Id, word(Reason)});
log(_, _) ->
    ok.
