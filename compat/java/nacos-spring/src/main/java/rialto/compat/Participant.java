package rialto.compat;

import com.alibaba.cloud.nacos.NacosConfigManager;
import com.alibaba.cloud.nacos.NacosDiscoveryProperties;
import com.alibaba.cloud.nacos.registry.NacosRegistration;
import com.alibaba.cloud.nacos.registry.NacosServiceRegistry;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.cloud.client.discovery.DiscoveryClient;
import org.springframework.cloud.context.environment.EnvironmentChangeEvent;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationListener;
import tools.jackson.databind.ObjectMapper;

/**
 * A Spring Cloud Alibaba application: registers itself, imports its keys with refresh, prints what
 * its DiscoveryClient sees and what its environment becomes, and does what its input says, a call a
 * line; every answer and every notice is a line of JSON: {@code participant ADDRESS NAME PORT KEY...}.
 */
@SpringBootApplication
public class Participant {
    private static final String SERVICE = "compat";
    private static final String GROUP = "DEFAULT_GROUP";
    private static final long TIMEOUT_MS = 3_000;
    // What Spring logs is no answer to the driver.
    private static final PrintStream ANSWERS = System.out;
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        var keys = List.of(args).subList(3, args.length);
        var imports = keys.stream().map(key -> "optional:nacos:" + key + "?refreshEnabled=true").toList();
        ApplicationListener<EnvironmentChangeEvent> refreshed = event -> heard(event, keys);
        var application = new SpringApplicationBuilder(Participant.class)
            .listeners(refreshed)
            .properties(
                "spring.main.banner-mode=off",
                "logging.level.root=warn",
                "server.address=127.0.0.1",
                "server.port=" + args[2],
                "spring.application.name=" + SERVICE,
                "spring.cloud.nacos.server-addr=" + args[0],
                "spring.cloud.nacos.username=${COMPAT_USER:}",
                "spring.cloud.nacos.password=${COMPAT_PASSWORD:}",
                "spring.cloud.nacos.discovery.ip=127.0.0.1",
                "spring.cloud.nacos.discovery.metadata.client=" + args[1],
                "spring.config.import=" + String.join(",", imports))
            .run();

        var watcher = new Thread(() -> watch(application.getBean(DiscoveryClient.class)));
        watcher.setDaemon(true);
        watcher.start();
        say("ready", true, Map.of());
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null; ) {
            String[] words = line.split(" ");
            try {
                call(application, words);
            } catch (Exception failed) {
                say(words[0], false, Map.of("found", failed.toString()));
            }
        }
        System.exit(0);
    }

    private static void call(ApplicationContext application, String[] words) throws Exception {
        var registration = application.getBean(NacosRegistration.class);
        var registry = application.getBean(NacosServiceRegistry.class);
        var config = application.getBean(NacosConfigManager.class).getConfigService();
        boolean ok = true;
        Map<String, ?> found = Map.of();
        switch (words[0]) {
            case "register", "update" -> {
                application.getBean(NacosDiscoveryProperties.class).setWeight(Float.parseFloat(words[1]));
                registration.getMetadata().put("round", words[2]);
                registry.register(registration);
            }
            case "deregister" -> registry.deregister(registration);
            case "list" -> found = Map.of("hosts", hosts(application.getBean(DiscoveryClient.class)));
            case "publish" -> ok = config.publishConfig(words[1], GROUP, words[2]);
            case "read" -> {
                String content = config.getConfig(words[1], GROUP, TIMEOUT_MS);
                found = Map.of("value", content == null ? "" : content);
            }
            case "cas" -> found = Map.of("won", config.publishConfigCas(words[1], GROUP, words[2], words[3]));
            case "remove" -> ok = config.removeConfig(words[1], GROUP);
            default -> throw new IllegalArgumentException(words[0]);
        }
        say(words[0], ok, found);
    }

    /** Every key is also the name of the one property in it. */
    private static void heard(EnvironmentChangeEvent event, List<String> keys) {
        var environment = ((ApplicationContext) event.getSource()).getEnvironment();
        for (String key : keys) {
            if (!event.getKeys().contains(key)) continue;
            String value = environment.getProperty(key);
            say("heard", true, Map.of("key", key, "value", value == null ? "" : key + "=" + value));
        }
    }

    private static void watch(DiscoveryClient discovery) {
        Map<String, List<Object>> before = null;
        while (true) {
            var now = hosts(discovery);
            if (!now.equals(before)) say("seen", true, Map.of("hosts", now));
            before = now;
            try {
                Thread.sleep(100);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static Map<String, List<Object>> hosts(DiscoveryClient discovery) {
        var hosts = new TreeMap<String, List<Object>>();
        for (var each : discovery.getInstances(SERVICE)) {
            var metadata = each.getMetadata();
            double weight = Double.parseDouble(metadata.get("nacos.weight"));
            boolean healthy = Boolean.parseBoolean(metadata.get("nacos.healthy"));
            String round = metadata.getOrDefault("round", "");
            hosts.put(metadata.get("client"), List.of(weight, round, healthy));
        }
        return hosts;
    }

    private static synchronized void say(String step, boolean ok, Map<String, ?> found) {
        var line = new LinkedHashMap<String, Object>(Map.of("step", step, "ok", ok));
        line.putAll(found);
        ANSWERS.println(JSON.writeValueAsString(line));
    }
}
