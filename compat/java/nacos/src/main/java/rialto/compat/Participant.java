package rialto.compat;

import com.alibaba.nacos.api.NacosFactory;
import com.alibaba.nacos.api.config.ConfigService;
import com.alibaba.nacos.api.config.listener.AbstractListener;
import com.alibaba.nacos.api.naming.NamingService;
import com.alibaba.nacos.api.naming.listener.NamingEvent;
import com.alibaba.nacos.api.naming.pojo.Instance;
import com.alibaba.nacos.common.utils.JacksonUtils;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * Subscribes to the service and listens to its keys with the makers' client, then does what its
 * input says, a call a line; every answer and every notice is a line of JSON:
 * {@code participant ADDRESS NAME PORT KEY...}.
 */
public final class Participant {
    private static final String SERVICE = "compat";
    private static final String GROUP = "DEFAULT_GROUP";
    private static final long TIMEOUT_MS = 3_000;
    // What the client logs to its standard output is no answer to the driver.
    private static final PrintStream ANSWERS = System.out;

    private final NamingService naming;
    private final ConfigService config;
    private final Instance self = new Instance();

    private Participant(String address, String name, int port) throws Exception {
        var properties = new Properties();
        properties.setProperty("serverAddr", address);
        // Empty ones sign nobody in.
        properties.setProperty("username", System.getenv().getOrDefault("COMPAT_USER", ""));
        properties.setProperty("password", System.getenv().getOrDefault("COMPAT_PASSWORD", ""));
        naming = NacosFactory.createNamingService(properties);
        config = NacosFactory.createConfigService(properties);
        self.setIp("127.0.0.1");
        self.setPort(port);
        self.addMetadata("client", name);
    }

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        var self = new Participant(args[0], args[1], Integer.parseInt(args[2]));
        self.naming.subscribe(SERVICE, event ->
            say("seen", true, Map.of("hosts", hosts(((NamingEvent) event).getInstances()))));
        for (String key : List.of(args).subList(3, args.length)) {
            self.config.addListener(key, GROUP, new AbstractListener() {
                @Override
                public void receiveConfigInfo(String content) {
                    say("heard", true, Map.of("key", key, "value", content == null ? "" : content));
                }
            });
        }
        say("ready", true, Map.of());
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null; ) {
            String[] words = line.split(" ");
            try {
                self.call(words);
            } catch (Exception | LinkageError failed) {
                say(words[0], false, Map.of("found", failed.toString()));
            }
        }
        System.exit(0);
    }

    private void call(String[] words) throws Exception {
        boolean ok = true;
        Map<String, ?> found = Map.of();
        switch (words[0]) {
            case "register", "update" -> {
                self.setWeight(Double.parseDouble(words[1]));
                self.addMetadata("round", words[2]);
                naming.registerInstance(SERVICE, self);
            }
            case "deregister" -> naming.deregisterInstance(SERVICE, self);
            case "list" -> found = Map.of("hosts", hosts(naming.getAllInstances(SERVICE, false)));
            case "publish" -> ok = config.publishConfig(words[1], GROUP, words[2]);
            case "read" -> {
                String content = config.getConfig(words[1], GROUP, TIMEOUT_MS);
                found = Map.of("value", content == null ? "" : content);
            }
            case "cas" -> {
                // By its name, because 1.4 has no such call.
                var cas = ConfigService.class.getMethod("publishConfigCas", String.class, String.class, String.class, String.class);
                found = Map.of("won", cas.invoke(config, words[1], GROUP, words[2], words[3]));
            }
            case "remove" -> ok = config.removeConfig(words[1], GROUP);
            default -> throw new IllegalArgumentException(words[0]);
        }
        say(words[0], ok, found);
    }

    private static Map<String, List<Object>> hosts(List<Instance> instances) {
        var hosts = new TreeMap<String, List<Object>>();
        for (Instance each : instances) {
            var metadata = each.getMetadata();
            String round = metadata.getOrDefault("round", "");
            hosts.put(metadata.get("client"), List.of(each.getWeight(), round, each.isHealthy()));
        }
        return hosts;
    }

    private static synchronized void say(String step, boolean ok, Map<String, ?> found) {
        var line = new LinkedHashMap<String, Object>(Map.of("step", step, "ok", ok));
        line.putAll(found);
        ANSWERS.println(JacksonUtils.toJson(line));
    }
}
