package rialto.compat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.cloud.client.discovery.DiscoveryClient;

/**
 * A Spring Cloud application without a web server: registers, renews and fetches every second,
 * prints what its DiscoveryClient sees, and leaves when its input ends:
 * {@code participant URL NAME PORT}.
 */
@SpringBootApplication
public class Participant {
    public static void main(String[] args) throws Exception {
        // What Spring logs is no answer to the driver.
        var answers = System.out;
        System.setOut(System.err);
        var application = new SpringApplicationBuilder(Participant.class)
            .web(WebApplicationType.NONE)
            .properties(
                "spring.main.banner-mode=off",
                "logging.level.root=warn",
                "spring.application.name=" + args[1],
                "eureka.client.service-url.defaultZone=" + args[0],
                "eureka.client.registry-fetch-interval-seconds=1",
                "eureka.client.instance-info-replication-interval-seconds=1",
                "eureka.client.initial-instance-info-replication-interval-seconds=0",
                "eureka.instance.non-secure-port=" + args[2],
                "eureka.instance.lease-renewal-interval-in-seconds=1",
                "eureka.instance.lease-expiration-duration-in-seconds=10")
            .run();

        var discovery = application.getBean(DiscoveryClient.class);
        var watcher = new Thread(() -> watch(discovery, answers));
        watcher.setDaemon(true);
        watcher.start();
        var input = new BufferedReader(new InputStreamReader(System.in));
        while (input.readLine() != null) {
            // Only the end counts.
        }
        application.close();
        answers.println("left");
        System.exit(0);
    }

    private static void watch(DiscoveryClient discovery, PrintStream answers) {
        String before = "";
        while (true) {
            var names = discovery.getServices().stream()
                .filter(name -> !discovery.getInstances(name).isEmpty())
                .map(String::toUpperCase)
                .collect(Collectors.toCollection(TreeSet::new));
            String now = "seen " + String.join(" ", names);
            if (!now.equals(before)) answers.println(now);
            before = now;
            try {
                Thread.sleep(100);
            } catch (InterruptedException e) {
                return;
            }
        }
    }
}
